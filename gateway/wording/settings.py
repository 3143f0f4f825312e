"""What is wrong with settings, and with the files that they name."""

from typing import Final

from gateway.wording.language import at, known
from gateway.wording.wording import Noun, Text, Wording

THE_FILE: Final = Noun("the file", "所指的文件")


class Mistake(Wording):
    """Called with what is wrong, which stands before the message: a variable, and the place in its file."""

    def __call__(self, place: object = "", **values: object) -> Text:
        problem = super().__call__(**values)
        return at(place, problem) if place else problem

    MUST_BE = "must be {what}", "须为：{what}"
    UNKNOWN = "no such setting, ignored{guess}", "没有这个设置，已忽略{guess}"
    GUESS = "; did you mean {name}?", "；是否想写 {name}？"
    DEPLOYED = "with the settings of {path}", "使用 {path} 中的设置"
    EXPOSED = "every user of this machine can read {path} (chmod o-r)", "本机所有用户都能读取 {path}（chmod o-r）"
    UNREADABLE = "{name} cannot be read: {reason}", "无法读取：{name}（{reason}）"
    NO_TEXT = "{name} must be UTF-8", "不是 UTF-8：{name}"
    NEEDED_WITH = "needed with {other}", "设置了 {other} 时必须设置"
    SHORTER = "must not be shorter than {other}", "不能小于 {other}"
    SAME = "must not be the same", "不能相同"
    ONE_OF_BOTH = "exactly one is needed with {other}", "设置了 {other} 时，必须且只能设置其中之一"
    NO_EXPLORER = "GraphiQL can run nothing where {other} are required", "{other} 为必需时，GraphiQL 无法使用"
    OTHERS_ARE_SET = "not set, but other {prefix} settings are", "没有设置，却设置了其他 {prefix} 变量"
    FOR_WORKERS = """needed for several workers, which can share a journal only in PostgreSQL
        多个 worker 时必须设置：操作台账只有在 PostgreSQL 中才能共用"""
    NO_ISSUER = "GATEWAY_ENV=production has no issuer of its own", "GATEWAY_ENV=production 没有自带的签发方"
    NO_REAL_VALUE = "production needs a real value", "生产环境必须填写真实的值"
    SHORT_SECRET = "production needs a secret of at least {min} characters", "生产环境需要至少 {min} 个字符的密钥"
    ISSUER_IS_SET = "with an issuer set, tokens come from there", "已设置签发方，令牌由它签发"
    LOCAL_ISSUER = """the development issuer serves this machine only; set GATEWAY_AUTH_ISSUER
        开发环境的签发方只供本机使用；请设置 GATEWAY_AUTH_ISSUER"""
    LOCAL_DEMO = """the demo serves this machine only (--allow-remote: in a container)
        演示只供本机使用（在容器中请加 --allow-remote）"""
    NO_VARIABLE = "must be NAME=VALUE, a comment that begins with #, or blank", "须为 NAME=VALUE、以 # 开头的注释或空行"
    NAMES_FILES = "a file cannot name others", "文件中不能再指定其他文件"
    LINE = "{path}, line {number}", "{path} 第 {number} 行"
    OPEN_QUOTE = "{name}: the quote that opens does not close", "{name}：引号没有成对"
    OPEN_SECRET = "{file} must be readable by its owner alone (chmod 600)", "{file} 只能由属主读取（chmod 600）"
    NOT_KEPT = "{file} cannot be kept there ({reason})", "{file} 无法保存在其中（{reason}）"
    BROKEN_KEY = "{file} is not a key; remove it to get a new one", "{file} 不是密钥；删除后会新建"
    PRIVATE_KEY = "holds a private key; the gateway is given public ones only", "其中有私钥；只能把公钥交给网关"
    NO_KEY_FILE = "not a JWK set, public key or certificate", "不是 JWK 集合、公钥或证书"
    NO_KEY = "no key in it can verify signatures", "其中没有能验证签名的公钥"
    NO_MANIFESTS = "{path} has no file whose name ends in .json", "{path} 中没有 .json 文件"
    NO_MANIFEST = "{path} is not a manifest of Apollo's or Relay's form", "{path} 不是 Apollo 或 Relay 格式的清单"
    ID_TWICE = "two documents have the id {id}", "有两个文档的标识都是 {id}"
    NO_DOCUMENT = "the manifest lists no document", "清单中没有文档"
    NOT_BOUND = "{reason} (--host and --port choose others)", "{reason}（可用 --host 和 --port 另选）"
    NO_METRICS_PORT = "{reason} (choose another port)", "{reason}（请另选端口）"
    METRICS_THERE = """must not be GATEWAY_PORT, which has /metrics without it
        不能与 GATEWAY_PORT 相同，它自带 /metrics"""
    DATABASE = "{reason} ({code}).", "{reason}（错误码 {code}）。"
    NO_ROOM = "nothing can be made there.", "无法在其中新建文件。"
    NO_JOURNAL = "There is no journal of this version where {places} says.", "{places} 所指之处没有本版本的操作台账。"
    IN_USE = "{file} is in use by another process. {advice}", "{file} 正被另一个进程使用。{advice}"
    SHARE_IT = """Several gateways share a journal only on PostgreSQL: set GATEWAY_DATABASE_URL.
        多个网关只能在 PostgreSQL 中共用操作台账：请设置 GATEWAY_DATABASE_URL。"""
    STOP_IT = """It can be read while no gateway runs on it: stop that one first.
        没有网关运行时才能读取：请先停止网关。"""
    OTHER_ID_KEY = """the journal was written with another key, so ids and idempotency keys do not match: set that one,
        or accept the new one with `gateway migrate --new-id-key`.
        操作台账用的是另一个密钥，标识和幂等键不相符：请改回那个密钥，或用 `gateway migrate --new-id-key` 换成新的。"""
    ENTRY = "entry {number}", "第 {number} 项"
    FILE_LINE = "line {number}", "第 {number} 行"
    NAME = """a name has 1 to {max} printable characters, none of them = or a comma
        名称须为 1 至 {max} 个字符，不含 = 和逗号"""
    CODE_TWICE = "repeats a code", "小区标识重复"
    NO_TOML = "the file is no TOML: {error}", "文件不是 TOML：{error}"
    NO_NAME = "there is no such name{guess}", "没有这个名称{guess}"
    MEANS = "{word} means {other} already", "{word} 已表示 {other}"
    KEY_TAKEN = "{key} is the key of another field, or stands here twice", "{key} 是其他字段的键，或重复"
    PERSONAL = """{key} holds personal data ({kind}), and this field is not masked so
        {key} 是个人信息（{kind}），该字段未脱敏"""
    NO_JWKS_URL = "needs an https address, or an http one on this machine", "须为 https 地址，或本机的 http 地址"
    NO_URL = "must be an http or https URL that names no user", "须为不含用户名的 http 或 https 地址"
    NO_PROXY_URL = "must be an http or https URL without a path", "须为不含路径的 http 或 https 地址"
    NO_CERTIFICATES = "must be a file that can be read, of certificates in PEM", "须为可以读取的 PEM 证书文件"
    NO_EXTRA = "needs the extra otel (pip install wanjia-gateway[otel])", "须安装 wanjia-gateway[otel]"


def reason(error: OSError) -> Text:
    """What the system says was wrong."""
    return known(error.strerror or "unknown reason")
