"""The settings: read from the environment, refused by name, never printed, and all in `docs/settings.md`."""

import os
import re
from pathlib import Path

import msgspec
import pytest

from gateway.settings import CACHED, PREFIX, Settings, SettingsError, load_settings, unknown_variables

PRODUCTION = {
    "GATEWAY_ENV": "production",
    "GATEWAY_ID_KEY": "k" * 32,
    "GATEWAY_AUTH_ISSUER": "https://login.example.org",
    "GATEWAY_AUTH_AUDIENCE": "wanjia-gateway",
    "GATEWAY_AUTH_JWKS_URL": "https://login.example.org/jwks",
    "GATEWAY_WJDH_URL": "https://wjdh.example.org",
    "GATEWAY_WJDH_SECRET_ID": "an id",
    "GATEWAY_WJDH_SECRET_KEY": "a key",
    "GATEWAY_SECURITY_URL": "https://security.example.org",
    "GATEWAY_SECURITY_KEY_K": "k",
    "GATEWAY_SECURITY_KEY_D": "d",
}

UNUSABLE = [
    ("GATEWAY_ENV", "s3cr3t", "development or production"),
    ("GATEWAY_PORT", "70000", "a whole number from 0 to 65535"),
    ("GATEWAY_LOG_LEVEL", "s3cr3t", "info, warning or error"),
    ("GATEWAY_EXPLORER", "s3cr3t", "true or false"),
    ("GATEWAY_ACCESS_LOG", "s3cr3t", "true or false"),
    ("GATEWAY_RATE_LIMIT", "0", "a whole number from 1 on"),
    ("GATEWAY_MAX_DEPTH", "s3cr3t", "a whole number from 1 on"),
    ("GATEWAY_CALL_TIMEOUT", "-1.5", "a number above 0, 2000000 at most"),
    ("GATEWAY_REQUEST_TIMEOUT", "s3cr3t", "a number above 0, 2000000 at most"),
    *(
        ("GATEWAY_CACHE", value, "seconds, such as people=60,orders=5; there are all, " + ", ".join(CACHED))
        for value in ("0", "houses=30", "people=", "people=-1", "people=inf", "people=60;orders=0", "people=60orders=0")
    ),
    ("GATEWAY_JOURNAL_TIMEOUT", "2000001", "a number above 0, 2000000 at most"),
    ("GATEWAY_AUDIT_RETENTION_DAYS", "36501", "a whole number from 1 to 36500"),
    ("GATEWAY_TRUSTED_DOCUMENTS_MODE", "s3cr3t", "off, report or require"),
    ("GATEWAY_AUTH_AUDIENCE", "s3cr3t,b", "one audience, without a comma or blank"),
    ("GATEWAY_DATABASE_URL", "mysql://gateway:s3cr3t@db/gateway", "a URL that begins with postgresql://"),
]


def test_each_field_is_read_from_its_variable() -> None:
    for name, text, value in (
        ("port", "9000", 9000),
        ("data_dir", "/srv/gateway", Path("/srv/gateway")),
        ("explorer", "false", False),
        ("call_timeout", "2.5", 2.5),
        ("wjdh_secret_key", "00123", "00123"),
        ("auth_scope_claims", "roles, realm_access.roles", ("roles", "realm_access.roles")),
    ):
        assert getattr(load_settings({f"GATEWAY_{name.upper()}": text}), name) == value


def test_empty_variable_counts_as_not_set() -> None:
    for environ in ({}, {"GATEWAY_PORT": ""}, {"GATEWAY_PORT": "  "}):
        assert load_settings(environ) == Settings()


def test_unrelated_variables_are_ignored() -> None:
    others = {"PORT": "1", "GATEWAY_NO_SUCH_SETTING": "1", "gateway_port": "1"}
    assert load_settings(others) == Settings()
    assert unknown_variables(others | {"GATEWAY_PORT": "1"}) == ["GATEWAY_NO_SUCH_SETTING: no such setting, ignored"]


def test_misspelt_setting_suggests_the_closest() -> None:
    """A service called `gateway` of Kubernetes sets some in every container of its namespace that mean no setting."""
    meant = {
        "WJDH_ULR": "WJDH_URL",
        "ALLOWED_HOST": "ALLOWED_HOSTS",
        "DATABSE_URL": "DATABASE_URL",
        "LOGLEVEL": "LOG_LEVEL",
    }
    for name, setting in meant.items():
        line = f"GATEWAY_{name}: no such setting, ignored; did you mean GATEWAY_{setting}?"
        assert unknown_variables({f"GATEWAY_{name}": "s3cr3t"}) == [line]
    names = ("GATEWAY_SERVICE_HOST", "GATEWAY_SERVICE_PORT_HTTP", "GATEWAY_PORT_8000_TCP_ADDR")
    assert not any("did you mean" in line for line in unknown_variables(dict.fromkeys(names, "1")))


@pytest.mark.parametrize("name", ["GATEWAY_WJDH_SECRET_KEY", "GATEWAY_PORT", "GATEWAY_EXPLORER", "GATEWAY_ENV"])
def test_blanks_around_a_value_are_stripped(name: str) -> None:
    plain = {"GATEWAY_PORT": "9000", "GATEWAY_EXPLORER": "false", "GATEWAY_ENV": "development"}.get(name, "a key")
    assert load_settings({name: f" \t{plain}\r\n"}) == load_settings({name: plain})


def test_settings_report_all_mistakes_at_once() -> None:
    environ = {
        "GATEWAY_PORT": "s3cr3t",
        "GATEWAY_ACCESS_LOG": "s3cr3t",
        "GATEWAY_DATA_DIR": os.fsdecode("数据".encode("gbk")),
        "GATEWAY_ALLOWED_HOSTS": "https://s3cr3t.example",
        "GATEWAY_REQUEST_TIMEOUT": "1",
        "GATEWAY_CALLBACK_KEY_K": "s3cr3t",
        "GATEWAY_AUTH_ISSUER": "s3cr3t",
        "GATEWAY_WJDH_ULR": "s3cr3t",
    }
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)

    mistakes = refused.value.mistakes
    assert [mistake.split(":")[0] for mistake in mistakes] == [
        *("GATEWAY_PORT", "GATEWAY_ACCESS_LOG", "GATEWAY_DATA_DIR", "GATEWAY_ALLOWED_HOSTS", "GATEWAY_REQUEST_TIMEOUT"),
        *("GATEWAY_CALLBACK_KEY_D", "GATEWAY_AUTH_AUDIENCE", "GATEWAY_AUTH_JWKS_URL, GATEWAY_AUTH_KEY_FILE"),
        "GATEWAY_WJDH_ULR",
    ]
    assert str(refused.value) == "\n".join(mistakes)
    assert "s3cr3t" not in str(refused.value)


def test_production_reports_every_missing_setting() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"GATEWAY_ENV": "production"})
    lacking = {name for name in PRODUCTION if not name.startswith(("GATEWAY_AUTH_", "GATEWAY_ENV"))}
    assert {mistake.split(":")[0] for mistake in refused.value.mistakes} == {*lacking, "GATEWAY_AUTH_ISSUER"}


def test_unusable_value_causes_no_other_mistake() -> None:
    """The value 4s was meant as 4, which the request timeout does not contradict."""
    with pytest.raises(SettingsError) as refused:
        load_settings({"GATEWAY_CALL_TIMEOUT": "4s", "GATEWAY_REQUEST_TIMEOUT": "5"})
    assert [mistake.split(":")[0] for mistake in refused.value.mistakes] == ["GATEWAY_CALL_TIMEOUT"]


MANIFEST = {"GATEWAY_TRUSTED_DOCUMENTS": "manifest.json", "GATEWAY_EXPLORER": "true"}
CONTRADICTIONS: list[tuple[dict[str, str], str]] = [
    ({"GATEWAY_REQUEST_TIMEOUT": "7.9"}, "GATEWAY_REQUEST_TIMEOUT: must not be shorter"),
    ({"GATEWAY_CALL_TIMEOUT": "15.1"}, "GATEWAY_REQUEST_TIMEOUT: must not be shorter"),
    ({"GATEWAY_CALLBACK_KEY_K": "a key"}, "GATEWAY_CALLBACK_KEY_D: needed with GATEWAY_CALLBACK_KEY_K"),
    (
        {"GATEWAY_CALLBACK_KEY_D": "a key", "GATEWAY_CALLBACK_KEY_K": " "},
        "GATEWAY_CALLBACK_KEY_K: needed with GATEWAY_CALLBACK_KEY_D",
    ),
    *(
        (
            {"GATEWAY_SECURITY_PEOPLE_PATH": "owner", f"GATEWAY_SECURITY_{other}_PATH": "/owner"},
            f"GATEWAY_SECURITY_PEOPLE_PATH, GATEWAY_SECURITY_{other}_PATH: must not ",
        )
        for other in ("OWNER", "MODULES")
    ),
    ({"GATEWAY_CALLBACK_ACCEPTS": "platform"}, "GATEWAY_SECURITY_CALLBACK_PATH: needed"),
    (MANIFEST, "GATEWAY_EXPLORER: "),
    (MANIFEST | {"GATEWAY_TRUSTED_DOCUMENTS_MODE": "require"}, "GATEWAY_EXPLORER: "),
    ({"GATEWAY_AUTH_AUDIENCE": "wanjia"}, "GATEWAY_AUTH_ISSUER"),
    ({"GATEWAY_AUTH_KEY_FILE": "key"}, "GATEWAY_AUTH_ISSUER"),
    ({"GATEWAY_AUTH_JWKS_URL": "https://login.example/jwks"}, "GATEWAY_AUTH_ISSUER"),
    ({"GATEWAY_AUTH_ISSUER": "a", "GATEWAY_AUTH_KEY_FILE": "key"}, "GATEWAY_AUTH_AUDIENCE"),
    ({"GATEWAY_AUTH_ISSUER": "a", "GATEWAY_AUTH_AUDIENCE": "b"}, "GATEWAY_AUTH_JWKS_URL"),
    ({key: value for key, value in PRODUCTION.items() if "AUTH" not in key}, "GATEWAY_AUTH_ISSUER"),
    ({**PRODUCTION, "GATEWAY_AUTH_KEY_FILE": "key"}, "GATEWAY_AUTH_JWKS_URL"),
]


@pytest.mark.parametrize(("environ", "named"), CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    [mistake] = refused.value.mistakes
    assert mistake.startswith(named)


def test_settings_that_agree_are_read() -> None:
    assert load_settings({"GATEWAY_REQUEST_TIMEOUT": "8"}).request_timeout == 8
    accepts = {"GATEWAY_CALLBACK_ACCEPTS": "platform", "GATEWAY_SECURITY_CALLBACK_PATH": "/x"}
    assert load_settings(accepts).callback_accepts == "platform"
    assert load_settings(MANIFEST | {"GATEWAY_TRUSTED_DOCUMENTS_MODE": "report"}).shows_explorer


@pytest.mark.parametrize(("name", "value", "allowed"), UNUSABLE)
def test_unusable_value_names_its_variable_and_limits(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: value})
    assert str(refused.value) == f"{name}: must be {allowed}"
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_non_utf_8_value_is_refused() -> None:
    for name in ("GATEWAY_WJDH_SECRET_KEY", "GATEWAY_ID_KEY", "GATEWAY_DATA_DIR"):
        with pytest.raises(SettingsError, match=f"^{name}: must be UTF-8$"):
            load_settings({name: os.fsdecode("密钥".encode("gbk"))})
        assert load_settings({name: "密钥"}) != Settings()


INVALID_PARTS = {
    "ORIGINS": (
        "origins of a scheme and a host",
        (
            *("*", "null", "console.example", "https://console.example/", "https://*.example", "a, b", "file://"),
            *("HTTPS://a.example", "weapp://"),
        ),
    ),
    "HEADERS": ("names of headers", ("*", "X-Tenant: 1", "名")),
    "HOSTS": ("names without a port", ("*", "gateway.example:8000", "https://gateway.example", "*.example")),
}
GOOD = {"ORIGINS": "https://good.example", "HEADERS": "X-Build", "HOSTS": "good.example"}


@pytest.mark.parametrize("name", INVALID_PARTS)
def test_invalid_part_of_a_list_is_refused(name: str) -> None:
    words, values = INVALID_PARTS[name]
    for value in values:
        with pytest.raises(SettingsError, match=f"^GATEWAY_ALLOWED_{name}: must be {words}"):
            load_settings({f"GATEWAY_ALLOWED_{name}": f"{GOOD[name]} {value}"})


def test_cache_names_what_differs_from_the_default() -> None:
    assert load_settings({}).cached == CACHED
    assert load_settings({"GATEWAY_CACHE": "people=60, orders=0.5"}).cached == CACHED | {"people": 60, "orders": 0.5}
    assert load_settings({"GATEWAY_CACHE": "all=0 modules=9"}).cached == dict.fromkeys(CACHED, 0) | {"modules": 9}


def test_lists_may_have_blanks_or_commas() -> None:
    settings = load_settings(
        {
            "GATEWAY_ALLOWED_ORIGINS": "https://a.example,http://localhost:5173  http://[::1]:3000",
            "GATEWAY_ALLOWED_HOSTS": "A.example, b.example",
        }
    )
    assert settings.allowed_origins == ("https://a.example", "http://localhost:5173", "http://[::1]:3000")
    assert settings.hosts >= {"a.example", "b.example"}


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "GATEWAY_ENV"])
def test_production_refuses_to_start_without_a_secret(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}[:,] "):
        load_settings({key: value for key, value in PRODUCTION.items() if key != name})


CALLBACK = ("GATEWAY_CALLBACK_KEY_K", "GATEWAY_CALLBACK_KEY_D")


SECRETS = [name for name in PRODUCTION if "_SECRET_" in name or "_KEY_" in name]


@pytest.mark.parametrize("name", [*SECRETS, "GATEWAY_ID_KEY", *CALLBACK])
def test_production_refuses_the_documented_test_secret(name: str) -> None:
    """Quirk 47. An id key is refused if it is short."""
    assert load_settings(PRODUCTION).is_production
    for secret in ("123456", *(["k" * 31] if name == "GATEWAY_ID_KEY" else [])):
        with pytest.raises(SettingsError, match=f"^{name}: ") as refused:
            load_settings({**PRODUCTION, **dict.fromkeys(CALLBACK, "a key"), name: secret})
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, True),
        ({"GATEWAY_EXPLORER": "0"}, False),
        (PRODUCTION, False),
        ({**PRODUCTION, "GATEWAY_EXPLORER": "1"}, True),
    ],
)
def test_explorer_is_shown_in_development_by_default(environ: dict[str, str], shown: bool) -> None:
    assert load_settings(environ).shows_explorer is shown


def test_printed_settings_show_no_secret():
    settings = load_settings({"GATEWAY_WJDH_SECRET_KEY": "s3cr3t", "GATEWAY_ID_KEY": "s3cr3t" * 8})
    assert "s3cr3t" not in repr(settings)


ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

TEST_SETTINGS = {"GATEWAY_TEST_DATABASE_URL"}
"""Read by the tests alone."""

MENTIONS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Dockerfile", *sorted((ROOT / "docs").rglob("*.md"))]

ROW = re.compile(r"^\| `(GATEWAY_[A-Z0-9_]+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"GATEWAY_[A-Z0-9_]*[A-Z0-9]")


def known() -> dict[str, msgspec.structs.FieldInfo]:
    return {PREFIX + field.name.upper(): field for field in msgspec.structs.fields(Settings)}


def documented_default(default: object) -> str | None:
    """As the page writes it; None where it says it in words."""
    match default:
        case "" | ():
            return "none"
        case None:
            return None
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
        case tuple():
            return f"`{' '.join(default)}`"
        case _:
            return f"`{default}`"


LIBPQ_VARIABLES = {"PGPASSWORD", "PGSSLROOTCERT"}
"""Read with GATEWAY_DATABASE_URL."""


def test_every_setting_is_documented_once_and_no_other() -> None:
    assert sorted(name for name, *_ in ROW.findall(PAGE)) == sorted(known())


def test_documented_defaults_are_correct() -> None:
    shown = {name: default for name, _, default, _ in ROW.findall(PAGE)}
    real = {name: documented_default(field.default) for name, field in known().items()}
    assert {name: shown[name] for name in real if real[name] is not None} == {
        name: default for name, default in real.items() if default is not None
    }


def test_production_example_names_existing_settings() -> None:
    (example,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    assert {line.partition("=")[0] for line in example.splitlines()} <= set(known()) | LIBPQ_VARIABLES


def test_pages_mention_existing_settings_only() -> None:
    exist = set(known()) | TEST_SETTINGS
    unknown = {
        (path.name, name)
        for path in MENTIONS
        for name in NAME.findall(path.read_text(encoding="utf-8"))
        if name not in exist and not any(setting.startswith(f"{name}_") for setting in exist)
    }
    assert unknown == set()
