"""All settings, read once from the environment into one frozen object."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_type_hints

import msgspec

PREFIX = "GATEWAY_"

LONGEST = 2_000_000
"""Seconds: 23 days, little less than PostgreSQL's longest timeout."""

# A description ends the sentence of a refusal: "GATEWAY_PORT: must be …".
Environment = Annotated[Literal["development", "production"], msgspec.Meta(description="development or production")]
LogLevel = Annotated[Literal["info", "warning", "error"], msgspec.Meta(description="info, warning or error")]
YesNo = Annotated[bool, msgspec.Meta(description="true or false")]
MaybeYesNo = Annotated[bool | None, msgspec.Meta(description="true or false")]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535, description="a whole number from 0 to 65535")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=LONGEST, description=f"a number above 0, {LONGEST} at most")]
Lifetime = Annotated[float, msgspec.Meta(ge=0, le=LONGEST, description=f"a number from 0 to {LONGEST}")]
Lease = Annotated[float, msgspec.Meta(gt=0, le=3600, description="a number above 0, 3600 at most")]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500, description="a whole number from 1 to 36500")]
Count = Annotated[int, msgspec.Meta(ge=1, description="a whole number from 1 on")]
DatabaseUrl = Annotated[
    str, msgspec.Meta(pattern=r"^(postgres(ql)?://.+)?$", description="a URL that begins with postgresql://")
]
Mode = Annotated[Literal["off", "report", "require"] | None, msgspec.Meta(description="off, report or require")]

PLATFORM_ACCOUNTS = (
    "wjdh_url",
    "wjdh_secret_id",
    "wjdh_secret_key",
    "security_url",
    "security_key_k",
    "security_key_d",
)
"""What it takes to call the platforms."""

CALLBACK_ACCOUNT = ("callback_key_k", "callback_key_d")
"""What it takes to call the gateway's own intake of payment notifications, which need not be open."""

SHORTEST_KEY = 32

_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+")
_HALF = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9._-]+")

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


class SettingsError(Exception):
    """The settings cannot be used. The message names the variable, never its value."""


class StartError(Exception):
    """The settings can be used, but the gateway cannot start with them now. The message says why."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; `docs/settings.md` explains each. The variable of `wjdh_url` is `GATEWAY_WJDH_URL`."""

    env: Environment = "development"
    host: str = "127.0.0.1"
    port: Port = 8000
    data_dir: Path = Path("data")
    id_key: str = ""
    explorer: MaybeYesNo = None
    log_level: LogLevel = "info"

    auth_issuer: str = ""
    auth_audience: str = ""
    auth_jwks_url: str = ""
    auth_key_file: str = ""
    rate_limit: Count = 1200
    people_lookup_limit: Count = 60
    audit_retention_days: Days = 1096

    database_url: DatabaseUrl = ""
    journal_timeout: Seconds = 5.0
    relay_lease: Lease = 60.0

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
    security_token_ttl: Seconds = 1800.0
    security_concurrency: Count = 32

    callback_key_k: str = ""
    callback_key_d: str = ""
    send_refuse_reason: YesNo = True

    call_timeout: Seconds = 8.0
    request_timeout: Seconds = 15.0
    upstream_max_bytes: Count = 8 * 1024 * 1024

    cache_people: Lifetime = 30.0
    cache_owners: Lifetime = 60.0
    cache_modules: Lifetime = 30.0
    cache_repairs: Lifetime = 5.0
    cache_shenhes: Lifetime = 0.0
    cache_orders: Lifetime = 0.0
    cache_size: Count = 1000

    watch_interval: Seconds = 15.0
    websocket_init_timeout: Seconds = 5.0
    max_subscriptions: Count = 20
    allowed_origins: str = ""
    allowed_hosts: str = ""

    header_timeout: Seconds = 10.0
    body_timeout: Seconds = 15.0
    keep_alive_timeout: Seconds = 75.0
    stall_timeout: Seconds = 10.0
    max_connections: Count = 1000

    max_body_bytes: Count = 256 * 1024
    max_variables_bytes: Count = 64 * 1024
    max_answer_bytes: Count = 16 * 1024 * 1024
    max_tokens: Count = 2000
    max_depth: Count = 15
    max_aliases: Count = 30
    max_root_fields: Count = 20
    max_directives: Count = 50
    cost_limit: Count = 2000
    trusted_documents: str = ""
    trusted_documents_mode: Mode = None
    document_cache: Count = 512
    plans: YesNo = True

    def __repr__(self) -> str:
        """Without the secrets, wherever it may be printed."""
        return f"Settings(env={self.env!r}, host={self.host!r}, port={self.port})"

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def not_set_up(self) -> list[str]:
        """The variables that are missing of those it takes to call the platforms."""
        return [_variable(field) for field in PLATFORM_ACCOUNTS if not getattr(self, field)]

    @property
    def longest_delivery(self) -> float:
        """Seconds that pass at most from the claim of a payment to the mark: both commits and the call between them."""
        return self.journal_timeout + self.call_timeout + self.journal_timeout

    @property
    def origins(self) -> frozenset[str]:
        """The origins of `allowed_origins`."""
        return frozenset(_words(self.allowed_origins))

    @property
    def hosts(self) -> frozenset[str]:
        """The names that a request's `Host` may have; any, if there are none.

        Development answers to this machine's own names, so that no web page reaches it by a name of its choice.
        """
        listed = frozenset(_words(self.allowed_hosts.lower()))
        return listed if self.is_production else listed | LOOPBACK_NAMES | {self.host.lower()}

    @property
    def shows_explorer(self) -> bool:
        """GraphiQL is on in development and off in production, unless the setting says otherwise."""
        return not self.is_production if self.explorer is None else self.explorer


def _variable(field: str) -> str:
    return PREFIX + field.upper()


_KNOWN = {_variable(field): field for field in Settings.__struct_fields__}


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names that begin as those of settings do, and are of none: misspelt, perhaps."""
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in _KNOWN)


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read `GATEWAY_*`; empty values count as not set. Raises SettingsError that names the variable."""
    values = {_KNOWN[name]: value for name, value in environ.items() if name in _KNOWN and value.strip()}
    settings = _convert(values)
    _require_names(settings)
    _require_lease(settings)
    if settings.is_production:
        _require_production_secrets(settings)
    return settings


def _convert(values: Mapping[str, str]) -> Settings:
    """One field at a time, so that the error names the variable and what it may be, never its value."""
    kinds = get_type_hints(Settings, include_extras=True)
    for field, value in values.items():
        if _HALF.search(value):  # as Python reads bytes that are no UTF-8
            raise SettingsError(f"{_variable(field)}: must be UTF-8")
        try:
            msgspec.convert({field: value}, Settings, strict=False, dec_hook=_path)
        except msgspec.ValidationError:
            [allowed] = kinds[field].__metadata__
            raise SettingsError(f"{_variable(field)}: must be {allowed.description}") from None
    return msgspec.convert(values, Settings, strict=False, dec_hook=_path)


def _words(text: str) -> list[str]:
    """A list that has blanks or commas between its members."""
    return text.replace(",", " ").split()


def _path(kind: type, value: str) -> Path:
    if kind is not Path:
        raise NotImplementedError
    return Path(value)


def _require_names(settings: Settings) -> None:
    """Lists whose members could match nothing, or everything, are a mistake."""
    if not all(_ORIGIN.fullmatch(origin) for origin in settings.origins):
        raise SettingsError(
            f"{PREFIX}ALLOWED_ORIGINS: each is a scheme and a host, such as https://console.example.org"
        )
    if not all(_NAME.fullmatch(name) for name in _words(settings.allowed_hosts)):
        raise SettingsError(f"{PREFIX}ALLOWED_HOSTS: each is a name without a port, such as gateway.example.org")


def _require_lease(settings: Settings) -> None:
    """A payment whose lease ends before its delivery is claimed again, and delivered without end."""
    if not settings.relay_lease > settings.longest_delivery:
        raise SettingsError(
            f"{PREFIX}RELAY_LEASE: must be longer than {PREFIX}CALL_TIMEOUT and twice {PREFIX}JOURNAL_TIMEOUT together"
        )


def _require_production_secrets(settings: Settings) -> None:
    """Production starts with real secrets only: no default, and not the test value the document prints (quirk 47)."""
    for field in (*PLATFORM_ACCOUNTS, *CALLBACK_ACCOUNT):
        value = getattr(settings, field)
        if value == "123456" or (not value and field in PLATFORM_ACCOUNTS):
            raise SettingsError(f"{_variable(field)}: production needs a real value")
    if len(settings.id_key) < SHORTEST_KEY:
        raise SettingsError(f"{PREFIX}ID_KEY: production needs a secret of at least {SHORTEST_KEY} characters")
