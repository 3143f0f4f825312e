"""All settings, read once from the environment into one frozen object."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from gateway.env_file import PREFIX, Mistakes, SettingsError, StartError, is_deployed, read_environment
from gateway.wording.language import known
from gateway.wording.settings import Mistake

if TYPE_CHECKING:  # the health check wants no HTTP client
    import httpx

VERSION = version("wanjia-gateway")

__all__ = ["PREFIX", "Mistakes", "SettingsError", "StartError"]  # of env_file: all else is of this module

LARGEST_PORT = 65535
LONGEST = 2_000_000  # seconds: 23 days, little less than PostgreSQL's longest timeout

# A description ends the sentence of a refusal: "GATEWAY_PORT: must be …".
Environment = Annotated[Literal["development", "production"], Meta(description="development or production")]
LogLevel = Annotated[Literal["info", "warning", "error"], Meta(description="info, warning or error")]
YesNo = Annotated[bool, Meta(description="true or false")]
MaybeYesNo = Annotated[bool | None, Meta(description="true or false")]
Port = Annotated[int, Meta(ge=0, le=LARGEST_PORT, description=f"a whole number from 0 to {LARGEST_PORT}")]
Seconds = Annotated[float, Meta(gt=0, le=LONGEST, description=f"a number above 0, {LONGEST} at most")]
Count = Annotated[int, Meta(ge=1, description="a whole number from 1 on")]
Database = Annotated[str, Meta(pattern=r"^(postgres(ql)?://.+)?$", description="a URL that begins with postgresql://")]
_PROXY = "an http or https URL without a path, with user:password@ before the host if the proxy asks for it"
ProxyUrl = Annotated[str, Meta(pattern=r"^(https?://([^/?#@\s]+@)?[^/?#@\s]+/?)?$", description=_PROXY)]
Audience = Annotated[str, Meta(pattern=r"^[^,，\s]*$", description="one audience, without a comma or blank")]
BuildId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._+-]{0,64}$", description="at most 64 letters, digits and . _ + -")]
Accepts = Annotated[Literal["gateway", "platform"], Meta(description="gateway or platform")]
Mode = Annotated[Literal["off", "report", "require"] | None, Meta(description="off, report or require")]

_ORIGIN = r"^(https?://[a-z0-9.:\[\]-]+|(?!https?:)[a-z][a-z0-9+.-]*://[A-Za-z0-9._:\[\]-]+)$"
_ORIGINS = "origins of a scheme and a host, such as https://console.example.org"
Origins = Annotated[tuple[Annotated[str, Meta(pattern=_ORIGIN)], ...], Meta(description=_ORIGINS)]
Header = Annotated[str, Meta(pattern=r"^(?!\*$)[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
Headers = Annotated[tuple[Header, ...], Meta(description="names of headers, such as X-Tenant")]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+$")]
Hosts = Annotated[tuple[Host, ...], Meta(description="names without a port, such as gateway.example.org")]
Operation = Annotated[str, Meta(pattern=r"^[_A-Za-z][_0-9A-Za-z]{0,63}$")]
Operations = Annotated[tuple[Operation, ...], Meta(description="names of operations, such as OrdersPage")]

Communities = Mapping[str, str | None]
"""The name of each community by its code, in the order of the setting; None where none is set. Empty: not set."""

CACHED = {"people": 30.0, "owners": 60.0, "modules": 30.0, "repairs": 5.0, "shenhes": 0.0, "orders": 0.0}
"""Seconds that answers are cached for, unless `cache` says otherwise."""

RETAINED = {"audit": 1096.0, "operations": 1096.0, "payments": 3653.0, "announcements": 1096.0}
"""Days that rows of the journal are kept for, unless `retention_days` says otherwise."""


def _by_name(defaults: Mapping[str, float], number: str, meaning: str) -> Meta:
    """Numbers by these names, as `_overridden` reads them."""
    pattern = rf"^((all|{'|'.join(defaults)})=({number})([, ]+|$))*$"
    return Meta(pattern=pattern, description=f"{meaning}; there are all, {', '.join(defaults)}")


Cache = Annotated[str, _by_name(CACHED, r"[0-9]{1,6}(\.[0-9]+)?", "seconds, such as people=60,orders=5")]
_HALF_A_YEAR = r"18[3-9]|19[0-9]|[2-9][0-9]{2}|[1-9][0-9]{3,4}"
Retained = Annotated[str, _by_name(RETAINED, _HALF_A_YEAR, "days from 183 to 99999, such as payments=10958")]

PLATFORM_ACCOUNTS = (
    *("wjdh_url", "wjdh_secret_id", "wjdh_secret_key"),
    *("security_url", "security_key_k", "security_key_d"),
)
"""What it takes to call the platforms."""

CALLBACK_ACCOUNT = ("callback_key_k", "callback_key_d")  # likewise, the gateway's own intake, which need not be open

SHORTEST_KEY = 32
LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))

_HALF = re.compile("[\ud800-\udfff]")
_VARIABLE = re.compile(r"GATEWAY_[A-Z_]*[A-Z]")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; `docs/settings.md` explains each. The variable of `wjdh_url` is `GATEWAY_WJDH_URL`."""

    env: Environment = "development"
    env_file: str = ""
    host: str = "127.0.0.1"
    port: Port = 8000
    metrics_port: Port = 0
    data_dir: Path = Path("data")
    id_key: str = ""
    explorer: MaybeYesNo = None
    log_level: LogLevel = "info"
    communities: str = ""
    profile: str = ""
    build_id: BuildId = ""

    auth_issuer: str = ""
    auth_audience: Audience = ""
    auth_jwks_url: str = ""
    auth_key_file: str = ""
    auth_scope_claims: tuple[str, ...] = ("scope", "scopes", "scp")
    auth_community_claims: tuple[str, ...] = ("community", "communities")
    auth_require_typ: YesNo = True
    rate_limit: Count = 1200
    call_rate_limit: Count = 36_000
    people_lookup_limit: Count = 60
    retention_days: Retained = ""

    database_url: Database = ""
    journal_timeout: Seconds = 5.0

    wjdh_url: str = ""
    wjdh_secret_id: str = ""
    wjdh_secret_key: str = ""
    wjdh_concurrency: Count = 32

    security_url: str = ""
    security_key_k: str = ""
    security_key_d: str = ""
    security_token_path: str = ""
    security_people_path: str = ""
    security_owner_path: str = ""
    security_callback_path: str = ""
    security_modules_path: str = ""
    security_concurrency: Count = 32

    callback_key_k: str = ""
    callback_key_d: str = ""
    callback_accepts: Accepts = "gateway"

    call_timeout: Seconds = 8.0
    request_timeout: Seconds = 15.0
    upstream_proxy: ProxyUrl = ""

    cache: Cache = ""

    watch_interval: Seconds = 15.0
    max_subscriptions: Count = 20
    allowed_origins: Origins = ()
    allowed_headers: Headers = ()
    allowed_hosts: Hosts = ()

    keep_alive_timeout: Seconds = 75.0
    max_connections: Count = 1000

    max_body_bytes: Count = 256 * 1024
    max_tokens: Count = 2000
    max_depth: Count = 15
    cost_limit: Count = 2000
    trusted_documents: str = ""
    trusted_documents_mode: Mode = None
    metrics_operations: Operations = ()
    access_log: MaybeYesNo = None

    def __repr__(self) -> str:
        """Without the secrets, wherever it may be printed."""
        return f"Settings(env={self.env!r}, host={self.host!r}, port={self.port})"

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def not_set_up(self) -> list[str]:
        """The missing variables of those it takes to call the platforms."""
        return [_variable(field) for field in PLATFORM_ACCOUNTS if not getattr(self, field)]

    @property
    def longest_delivery(self) -> float:
        """Seconds at most from the claim of a payment to its mark: both commits and the call between them."""
        return self.journal_timeout + self.call_timeout + self.journal_timeout

    @property
    def cached(self) -> dict[str, float]:
        return _overridden(CACHED, self.cache)

    @property
    def retained(self) -> dict[str, float]:
        return _overridden(RETAINED, self.retention_days)

    @property
    def trusted_manifests(self) -> tuple[Path, ...]:
        """The files and folders of `trusted_documents`."""
        return tuple(Path(path.strip()) for path in self.trusted_documents.split(",") if path.strip())

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a request's `Host` may have; any, if there are none.

        Development answers to this machine's own names, so that no web page reaches it by a name of its choice.
        """
        listed = frozenset(name.lower() for name in self.allowed_hosts)
        return listed if self.is_production else listed | LOOPBACK_NAMES | {self.host.lower()}

    @property
    def shows_explorer(self) -> bool:
        """GraphiQL is on in development and off in production, unless the setting says otherwise."""
        return not self.is_production if self.explorer is None else self.explorer

    @property
    def writes_access_log(self) -> bool:
        """The access log is on in production and off in development, unless the setting says otherwise."""
        return self.is_production if self.access_log is None else self.access_log

    @property
    def allows_introspection(self) -> bool:
        """Whether it takes no scope. In production it does, but for GraphiQL: without the schema it knows no field."""
        return not self.is_production or self.shows_explorer


def can_be_called(address: "httpx.URL") -> bool:
    """Whether it is of http or https, with a host and port that there may be, and names no user: none is ever sent."""
    if address.scheme not in ("http", "https") or address.userinfo:
        return False
    if address.port is not None and not 0 < address.port <= LARGEST_PORT:
        return False
    try:
        return bool(address.host.encode("idna"))  # as it is looked up: with parts that are neither empty nor too long
    except UnicodeError:
        return False


def make_url(host: str, port: int) -> str:
    """Where the gateway is served that listens at this host: a name, or an address of IPv4 or IPv6."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _variable(field: str) -> str:
    return PREFIX + field.upper()


_FIELDS = {_variable(field): field for field in Settings.__struct_fields__}
_KINDS = get_type_hints(Settings, include_extras=True)
_DEFAULTS = Settings()
_DEPLOYMENT = {"env": "production", "data_dir": Path("/var/lib/wanjia-gateway")}  # its other defaults


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each name that begins as those of settings do, and is of none: misspelt, perhaps."""
    unknown = [name for name in sorted(read_environment(environ)) if name.startswith(PREFIX) and name not in _FIELDS]
    return [Mistake.UNKNOWN(name, guess=guess(name, _FIELDS, 0.8)) for name in unknown]


def guess(name: str, known: Iterable[str], cutoff: float) -> str:
    """The end of a sentence that asks whether a name like this one was meant; empty where there is none."""
    return next((Mistake.GUESS(name=each) for each in get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `GATEWAY_*`, without the blanks around values; empty ones count as not set. Files have what is not set.

    Raises SettingsError with every mistake, and with the unknown names, which may be the cause of one.
    """
    values: dict[str, Any] = {**_DEPLOYMENT} if is_deployed(environ) else {}
    environ = read_environment(environ)
    mistakes: dict[str, str] = {}
    for name, value in environ.items():
        if name in _FIELDS and (text := value.strip()):
            try:
                values[_FIELDS[name]] = _read(_FIELDS[name], text)
            except ValueError as error:
                mistakes[name] = Mistake.MUST_BE(name, what=known(str(error)))
    settings = Settings(**values)
    # What contradicts an unusable value is no mistake of its own.
    found = [each for each in _contradictions(settings) if mistakes.keys().isdisjoint(_VARIABLE.findall(each))]
    if mistakes or found:
        raise SettingsError(*mistakes.values(), *found, *unknown_variables(environ))
    return settings


def _read(field: str, text: str) -> Any:
    """Raises ValueError that says what the text must be."""
    if _HALF.search(text):  # as Python reads bytes that are no UTF-8
        raise ValueError("UTF-8")
    value = split_words(text) if isinstance(getattr(_DEFAULTS, field), tuple) else text
    return convert(value, _KINDS[field], strict=False, dec_hook=lambda _path, text: Path(text))


def convert(value: object, kind: Any, **options: Any) -> Any:
    """As `msgspec.convert`. Raises ValueError that says what the value must be, as the annotation describes it."""
    try:
        return msgspec.convert(value, kind, **options)
    except msgspec.ValidationError:
        [allowed] = kind.__metadata__
        raise ValueError(allowed.description) from None


def split_words(text: str) -> list[str]:
    """A list that has blanks or commas between its members."""
    return text.replace(",", " ").split()


def _overridden(defaults: Mapping[str, float], text: str) -> dict[str, float]:
    """Numbers by name, those of the text in place of the defaults: the last that names one decides."""
    numbers = dict(defaults)
    for name, _, number in (each.partition("=") for each in split_words(text)):
        numbers |= dict.fromkeys(defaults if name == "all" else (name,), float(number))
    return numbers


def _contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong with values that can be read: with one beside another, and in production."""
    # Else a slow platform costs the whole answer, and not its own fields.
    if settings.request_timeout < settings.call_timeout:
        yield Mistake.SHORTER("GATEWAY_REQUEST_TIMEOUT", other="GATEWAY_CALL_TIMEOUT")
    if settings.metrics_port and settings.metrics_port == settings.port:
        yield Mistake.METRICS_THERE("GATEWAY_METRICS_PORT")
    if bool(settings.callback_key_k) != bool(settings.callback_key_d):
        there, missing = CALLBACK_ACCOUNT if settings.callback_key_k else reversed(CALLBACK_ACCOUNT)
        yield Mistake.NEEDED_WITH(_variable(missing), other=_variable(there))
    paths: dict[str, str] = {}
    for name in ("token", "people", "owner", "callback", "modules"):
        variable, path = f"GATEWAY_SECURITY_{name.upper()}_PATH", getattr(settings, f"security_{name}_path").lstrip("/")
        if path and paths.setdefault(path, variable) != variable:
            yield Mistake.SAME(f"{paths[path]}, {variable}")
    if settings.callback_accepts == "platform" and not settings.security_callback_path:
        yield Mistake.NEEDED_WITH("GATEWAY_SECURITY_CALLBACK_PATH", other="GATEWAY_CALLBACK_ACCEPTS=platform")
    if settings.explorer and settings.trusted_documents and settings.trusted_documents_mode in (None, "require"):
        yield Mistake.NO_EXPLORER("GATEWAY_EXPLORER", other="GATEWAY_TRUSTED_DOCUMENTS")
    if settings.auth_issuer:
        if not settings.auth_audience:
            yield Mistake.NEEDED_WITH("GATEWAY_AUTH_AUDIENCE", other="GATEWAY_AUTH_ISSUER")
        if bool(settings.auth_jwks_url) == bool(settings.auth_key_file):
            yield Mistake.ONE_OF_BOTH("GATEWAY_AUTH_JWKS_URL, GATEWAY_AUTH_KEY_FILE", other="GATEWAY_AUTH_ISSUER")
    elif settings.is_production:
        yield Mistake.NO_ISSUER("GATEWAY_AUTH_ISSUER")
    elif settings.auth_audience or settings.auth_jwks_url or settings.auth_key_file:
        yield Mistake.OTHERS_ARE_SET("GATEWAY_AUTH_ISSUER", prefix="GATEWAY_AUTH_")
    if settings.is_production:
        # Real secrets only: no default, and not the test value the document prints (quirk 47).
        for field in (*PLATFORM_ACCOUNTS, *CALLBACK_ACCOUNT):
            value = getattr(settings, field)
            if value == "123456" or (not value and field in PLATFORM_ACCOUNTS):
                yield Mistake.NO_REAL_VALUE(_variable(field))
        if len(settings.id_key) < SHORTEST_KEY:
            yield Mistake.SHORT_SECRET("GATEWAY_ID_KEY", min=SHORTEST_KEY)
