"""The command line: serve, demo, schema, token, audit, payments, operations, migrate, check, settings."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from inspect import iscoroutine, signature
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gateway.env_file import DEPLOYED, ENV_FILE, export_others, file_doubts, find_deployed
from gateway.errors import GatewayError
from gateway.settings import VERSION, Settings, SettingsError, StartError, load_settings, split_words, unknown_variables
from gateway.wording.commands import CommandWording
from gateway.wording.language import CHOSEN, LANGUAGES, WORDS, either, local, speaks_chinese

START_FAILURE = 3  # the exit status of a gateway that cannot start; uvicorn's, too
INTERRUPTED = 130  # as shells have it, for a program that Ctrl+C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status.

    0; 1 when what was tried did not work; 2 when the settings or arguments cannot be used,
    or a command cannot use the journal; 3 when the gateway cannot start with them now; 130 after Ctrl+C.
    """
    _choose_language(arguments)
    options = vars(_parser().parse_args(arguments))
    for option in ("host", "port"):  # in the environment, so that workers have them too
        if options.get(option) is not None:
            os.environ[f"GATEWAY_{option.upper()}"] = options[option]
    if options.get("allow_remote"):
        os.environ["GATEWAY_ENV"] = "development"  # which the image's is not
    if options["env_file"]:
        os.environ[ENV_FILE] = os.pathsep.join(map(os.path.abspath, options["env_file"]))
    if options["deployed"]:
        find_deployed(os.environ)
    options["environ"] = dict(os.environ)
    try:
        export_others(os.environ)
        status = _run(load_settings(), options)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough: the rest goes nowhere
        return 0
    except (SettingsError, GatewayError, ValueError, StartError) as error:
        _complain(*error.args)
        return START_FAILURE if isinstance(error, StartError) else 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _choose_language(arguments: Sequence[str] | None) -> None:
    """That of `--lang`, if it is given, before there is a parser: what parsers say is in it."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--lang", nargs="?")
    if language := first.parse_known_args(arguments)[0].lang:
        os.environ[CHOSEN] = language
    if speaks_chinese():
        vars(argparse)["_"] = _in_chinese  # where it has gettext, which needs a catalogue


def _in_chinese(text: str) -> str:
    return WORDS[text.strip()] + text[len(text.rstrip("\n")) :] if text.strip() in WORDS else text


def _run(settings: Settings, options: dict[str, Any]) -> int:
    """The function of the command, which is imported now: others need no server and no sandbox. It is given the
    settings and those of the options that are its parameters.
    """
    if options["complains"]:
        _complain(*file_doubts(os.environ), *unknown_variables())
    run = resolve_name(options["run"]) if isinstance(options["run"], str) else options["run"]
    options["options"] = options
    status = run(settings, **{name: options[name] for name in [*signature(run).parameters][1:]})
    return int(asyncio.run(status) if iscoroutine(status) else status)


def _complain(*of: object) -> None:
    sys.stderr.writelines(f"gateway: {local(complaint)}\n" for complaint in of)


def _schema(_settings: Settings) -> int:
    from schema.build import export_sdl  # noqa: PLC0415 # the other commands need no schema

    sys.stdout.write(export_sdl())
    return 0


def _token(settings: Settings, scopes: list[str], communities: list[str], subject: str, ttl: int) -> int:
    from gateway.auth.issuer import DevelopmentIssuer, key_path  # noqa: PLC0415 # nor the issuer

    path = key_path(settings)
    is_new = not path.exists()
    issuer = DevelopmentIssuer.open(settings)
    if is_new:
        _complain(CommandWording.NEW_KEY(path=path.resolve()))
    sys.stdout.write(f"{issuer.mint(scopes, communities, subject, ttl)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    """A command's `run` is its function, or the name of one: its parameters have the names of the options."""
    about = "One typed GraphQL endpoint over wjdh and security.\nwjdh 和安防平台之上的一个带类型的 GraphQL 接口。"
    parser = argparse.ArgumentParser("gateway", description=either(about))
    build = os.environ.get("GATEWAY_BUILD_ID", "").strip()
    running = f"%(prog)s {VERSION}" + (f" ({build})" if build else "")
    parser.add_argument("--version", action="version", version=running)
    commands = parser.add_subparsers(required=True, metavar=either("command\n命令"))
    added = [parser]

    def command(name: str, run: object, help: str, within: Any = commands, **defaults: bool) -> argparse.ArgumentParser:
        added.append(within.add_parser(name, help=either(help)))
        added[-1].set_defaults(run=run, **defaults)
        return added[-1]

    def option(of: argparse._ActionsContainer, name: str, help: str, metavar: str | None = None, **more: Any) -> None:
        of.add_argument(name, help=either(help), metavar=metavar, **more)

    def flag(of: argparse._ActionsContainer, name: str, help: str, **more: Any) -> None:
        of.add_argument(name, help=either(help), action="store_true", **more)

    does = "serve the gateway as the settings say\n按设置启动网关"
    serve = command("serve", "gateway.commands.serve:serve", does, complains=True)
    workers = "processes (more than one needs GATEWAY_DATABASE_URL)\n进程数（多于一个时须设置 GATEWAY_DATABASE_URL）"
    option(serve, "--workers", workers, "N", type=_count, default=1)
    does = "serve the gateway over a sandbox of both platforms\n启动网关，连接两个平台的沙箱"
    demo = command("demo", "gateway.commands.demo:demo", does, deployed=False)
    flag(demo, "--once", "show one query and its answer, then end\n显示一个查询及其响应，然后结束")
    asked = """listen where other machines may connect: in a container, with its port published on 127.0.0.1
监听其他机器也能连接的地址：用于容器，端口只发布到 127.0.0.1"""
    flag(demo, "--allow-remote", asked)
    for each in (serve, demo):
        option(each, "--host", "where to listen, instead of GATEWAY_HOST\n监听的地址，代替 GATEWAY_HOST", "ADDRESS")
        option(each, "--port", "instead of GATEWAY_PORT\n监听的端口，代替 GATEWAY_PORT")

    command("schema", _schema, "print the schema definition\n输出 schema 定义", deployed=False)

    token = command("token", _token, "mint a token of the development issuer\n用开发环境的签发方签发一个令牌")
    scopes = "separated by commas or blanks; * (the default): all\n权限，以逗号或空格分隔；*（默认）为全部"
    option(token, "--scopes", scopes, type=split_words, default="*")
    codes = "codes, separated likewise; * (the default): all\n小区标识，同样分隔；*（默认）为全部"
    option(token, "--communities", codes, type=split_words, default="*")
    subject = "the user it names (default: %(default)s)\n令牌中的用户（默认 %(default)s）"
    option(token, "--subject", subject, default="developer")
    lifetime = "its lifetime (default: %(default)s)\n有效期，以秒计（默认 %(default)s）"
    option(token, "--ttl", lifetime, "SECONDS", type=int, default=3600)

    journal = "gateway.commands.journal:"
    does = "print who was shown whose personal data, as JSON lines or CSV\n输出谁查看了谁的个人信息，JSON 行或 CSV"
    audit = command("audit", f"{journal}audit", does)
    option(audit, "--subject", "only of this caller\n只输出该调用者的")
    since = """only from then on: ISO 8601, UTC unless it says otherwise
只输出此时及以后的：ISO 8601，未注明时区的为 UTC"""
    option(audit, "--since", since, "TIME", type=_moment)
    option(audit, "--until", "only before then\n只输出此时以前的", "TIME", type=_moment)
    option(audit, "--record", "only of this record: an id as the API gives it\n只输出该记录的：接口返回的标识", "ID")
    csv = "as CSV with a header, safe to open in a spreadsheet\n输出带表头的 CSV，可放心用电子表格打开"
    flag(audit, "--csv", csv, dest="as_csv")
    flag(audit, "--follow", "go on with what is added, until Ctrl+C\n持续输出新增的记录，直到按下 Ctrl+C")

    does = "list payment notifications by their delivery, retry the dead\n按投递状态列出缴费通知，重新投递已放弃的"
    payments = command("payments", f"{journal}list_payments", does)
    states, shown = ("QUEUED", "DELIVERED", "DEAD"), "again for more; the default is DEAD\n可重复给出；默认为 DEAD"
    option(payments, "--state", shown, dest="states", action="append", choices=states)
    actions = payments.add_subparsers(metavar=either("action\n操作"))
    retry = command("retry", f"{journal}retry_payments", "deliver dead payments again\n重新投递已放弃的", actions)
    option(retry, "ids", "as listed, or as the API gives it\n列出的标识，或接口返回的标识", "ID", nargs="*")
    flag(retry, "--all-dead", "all that are DEAD\n全部 DEAD 的")
    flag(retry, "--yes", "do not ask\n不再询问", dest="confirmed")

    does = "list writes whose outcome is not known\n列出结果不明的写操作"
    operations = command("operations", f"{journal}list_operations", does)
    for each in (payments, operations):
        flag(each, "--json", "as JSON lines\n输出 JSON 行", dest="as_json")
    actions = operations.add_subparsers(metavar=either("action\n操作"))
    does = "close one as what was seen at the platform\n按在平台上看到的结果结案"
    settle = command("settle", f"{journal}settle_operation", does, actions)
    option(settle, "id_", "as listed\n列出的标识", "ID")
    seen = settle.add_mutually_exclusive_group(required=True)
    told: Any = {"dest": "outcome", "action": "store_const"}
    option(seen, "--applied", "its effect is there\n平台上已生效", const="CONFIRMED", **told)
    option(seen, "--not-applied", "it is not\n平台上没有生效", const="REFUSED", **told)
    note = "who saw it where; kept with the account that runs this\n谁在哪里看到；与执行命令的账号一并保存"
    option(settle, "--note", note, required=True)
    does = "have the gateway that runs read them back now\n让运行中的网关立即回查"
    option(
        command("check", f"{journal}check_operations", does, actions), "ids", "as listed\n列出的标识", "ID", nargs="+"
    )

    migrate = command("migrate", f"{journal}migrate", "make the journal\n建立操作台账")
    flag(migrate, "--check", "only say what is pending; status 1: something is\n只列出待执行的迁移；有则状态为 1")
    flag(
        migrate, "--new-id-key", "let gateways start with another GATEWAY_ID_KEY\n允许网关用另一个 GATEWAY_ID_KEY 启动"
    )

    tried = """try the journal, the issuer's keys and both platforms with the settings
按设置检查操作台账、签发方的公钥和两个平台"""
    check = command("check", "gateway.contact.check:check_command", tried, complains=True)
    opens = "say what this token's caller may see, too\n并说明该令牌的调用者能看到什么"
    option(check, "--token", opens, "FILE", type=_content)
    learn = """learn what the platforms send (docs/first-contact.md); it only reads
了解平台实际返回什么（docs/first-contact.md）；只读取"""
    group = check.add_argument_group(either("deep\n深入检查"), either(learn))
    flag(group, "--deep", "ask every reading endpoint a few pages, and report\n向每个读取接口请求几页，然后报告")
    codes = """instead of three of GATEWAY_COMMUNITIES; all: every one of them
小区标识，代替 GATEWAY_COMMUNITIES 中的三个；all 为其中全部"""
    option(group, "--communities", codes, "CODES", type=split_words, default=())
    pages = "of each list (default: %(default)s)\n每个列表的页数（默认 %(default)s）"
    option(group, "--pages", pages, "N", type=_count, default=3)
    between = "between calls (default: %(default)s)\n两次调用之间的秒数（默认 %(default)s）"
    option(group, "--pause", between, "SECONDS", type=float, default=0.2)
    option(group, "--json", "write the report as JSON, too\n报告另存为 JSON", "FILE")
    option(group, "--html", "write the report as one page of HTML, too\n报告另存为 HTML", "FILE")
    proposal = "write a profile of what was seen (docs/profile.md)\n按所见写出平台配置（docs/profile.md）"
    option(group, "--propose", proposal, "FILE")
    write = "try writes that can be undone there, once confirmed\n经确认后，在该小区试做可撤销的写操作"
    option(group, "--write", write, "COMMUNITY")

    does = "print the settings in force, where each stands, secrets masked\n输出生效的设置及其来源，密钥以 *** 代替"
    command("settings", "gateway.commands.settings:print_settings", does, complains=True)

    parser.set_defaults(complains=False, deployed=True, env_file=None)
    files = f"""settings that the environment has not, a NAME=VALUE a line; repeatable (default: {DEPLOYED})
环境中没有的设置，每行一个 NAME=VALUE；可重复给出（默认 {DEPLOYED}）"""
    kept: Any = {"default": argparse.SUPPRESS}  # what a command was given stays, where its action is given none
    for each in added:
        option(each, "--lang", "language of what is printed\n输出的语言", choices=LANGUAGES, **kept)
        if each is not parser:
            option(each, "--env-file", files, "FILE", action="append", **kept)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(either("a number from 1 on\n须为从 1 起的整数"))
    return int(text)


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise argparse.ArgumentTypeError(either("the file cannot be read\n无法读取文件")) from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment_form = """a date or time of ISO 8601, such as 2026-01-31T08:00+08:00
须为 ISO 8601 的日期或时间，例如 2026-01-31T08:00+08:00"""
        raise argparse.ArgumentTypeError(either(moment_form)) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
