"""The settings: read from the environment and its files, refused by name, never printed, all in `docs/settings.md`."""

import os
import re
from pathlib import Path

import msgspec
import pytest
from pages import DOCS, ROOT, read_text

from gateway.env_file import export_others, read_environment
from gateway.settings import CACHED, PREFIX, RETAINED, Settings, SettingsError, load_settings, unknown_variables

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
SECRETS = [name for name in PRODUCTION if "_SECRET_" in name or "_KEY_" in name]


def refusal(environ: dict[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    assert refused.value.__cause__ is refused.value.__context__ is None
    assert "s3cr3t" not in str(refused.value)
    return refused.value


UNUSABLE = {
    "ENV": ("development or production", ["s3cr3t"]),
    "PORT": ("a whole number from 0 to 65535", ["70000", "s3cr3t"]),
    "LOG_LEVEL": ("info, warning or error", ["s3cr3t"]),
    "EXPLORER": ("true or false", ["s3cr3t"]),
    "RATE_LIMIT": ("a whole number from 1 on", ["0", "s3cr3t"]),
    "JOURNAL_TIMEOUT": ("a number above 0, 2000000 at most", ["-1.5", "s3cr3t", "2000001"]),
    "RETENTION_DAYS": (
        "days from 183 to 99999, such as payments=10958; there are all, " + ", ".join(RETAINED),
        ["1096", "events=365", "audit=", "audit=182", "audit=0365", "audit=100000", "audit=365.5", "audit=365;all=365"],
    ),
    "TRUSTED_DOCUMENTS_MODE": ("off, report or require", ["s3cr3t"]),
    "AUTH_AUDIENCE": ("one audience, without a comma or blank", ["s3cr3t,b"]),
    "DATABASE_URL": ("a URL that begins with postgresql://", ["mysql://gateway:s3cr3t@db/gateway"]),
    "CACHE": (
        "seconds, such as people=60,orders=5; there are all, " + ", ".join(CACHED),
        ["0", "houses=30", "people=", "people=-1", "people=inf", "people=60;orders=0", "people=60orders=0"],
    ),
    "ALLOWED_ORIGINS": (
        "origins of a scheme and a host, such as https://console.example.org",
        [
            *("*", "null", "console.example", "https://console.example/", "https://*.example", "a, b", "file://"),
            *("HTTPS://a.example", "weapp://", "https://good.example *"),
        ],
    ),
    "ALLOWED_HEADERS": ("names of headers, such as X-Tenant", ["*", "X-Tenant: 1", "名", "X-Build *"]),
    "ALLOWED_HOSTS": (
        "names without a port, such as gateway.example.org",
        ["*", "gateway.example:8000", "https://gateway.example", "*.example", "good.example *"],
    ),
    **dict.fromkeys(("WJDH_SECRET_KEY", "ID_KEY", "DATA_DIR"), ("UTF-8", [os.fsdecode("密钥".encode("gbk"))])),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_value_names_its_variable_and_limits(name: str) -> None:
    allowed, values = UNUSABLE[name]
    for value in values:
        assert str(refusal({f"GATEWAY_{name}": value})) == f"GATEWAY_{name}: must be {allowed}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", " \t9000\r\n", 9000),
        ("port", "  ", 8000),
        ("data_dir", "/srv/网关", Path("/srv/网关")),
        ("explorer", "false ", False),
        ("request_timeout", "8.5", 8.5),
        ("wjdh_secret_key", "00123", "00123"),
        ("auth_scope_claims", "roles, realm_access.roles", ("roles", "realm_access.roles")),
        (
            "allowed_origins",
            "https://a.example,http://localhost:5173  http://[::1]:3000",
            ("https://a.example", "http://localhost:5173", "http://[::1]:3000"),
        ),
    ],
)
def test_each_field_is_read_from_its_variable(name: str, text: str, value: object) -> None:
    assert getattr(load_settings({f"GATEWAY_{name.upper()}": text}), name) == value


def test_unrelated_variables_are_ignored() -> None:
    others = {"PORT": "1", "GATEWAY_NO_SUCH_SETTING": "1", "gateway_port": "1"}
    assert load_settings(others) == Settings()
    assert unknown_variables(others | {"GATEWAY_PORT": "1"}) == ["GATEWAY_NO_SUCH_SETTING: no such setting, ignored"]


def test_misspelt_setting_suggests_the_closest() -> None:
    """A service called `gateway` of Kubernetes sets some in every container of its namespace that mean no setting."""
    for name, setting in (("WJDH_ULR", "WJDH_URL"), ("ALLOWED_HOST", "ALLOWED_HOSTS"), ("LOGLEVEL", "LOG_LEVEL")):
        line = f"GATEWAY_{name}: no such setting, ignored; did you mean GATEWAY_{setting}?"
        assert unknown_variables({f"GATEWAY_{name}": "s3cr3t"}) == [line]
    names = ("GATEWAY_SERVICE_HOST", "GATEWAY_SERVICE_PORT_HTTP", "GATEWAY_PORT_8000_TCP_ADDR")
    assert not any("did you mean" in line for line in unknown_variables(dict.fromkeys(names, "1")))


def test_settings_report_all_mistakes_at_once() -> None:
    wrong = ("PORT", "ACCESS_LOG", "CALLBACK_KEY_K", "AUTH_ISSUER", "WJDH_ULR")
    refused = refusal({f"GATEWAY_{name}": "s3cr3t" for name in wrong} | {"GATEWAY_REQUEST_TIMEOUT": "1"})
    assert [mistake.split(":")[0] for mistake in refused.args] == [
        *("GATEWAY_PORT", "GATEWAY_ACCESS_LOG", "GATEWAY_REQUEST_TIMEOUT", "GATEWAY_CALLBACK_KEY_D"),
        *("GATEWAY_AUTH_AUDIENCE", "GATEWAY_AUTH_JWKS_URL, GATEWAY_AUTH_KEY_FILE", "GATEWAY_WJDH_ULR"),
    ]
    assert str(refused) == "\n".join(refused.args)


MANIFEST = {"GATEWAY_TRUSTED_DOCUMENTS": "manifest.json", "GATEWAY_EXPLORER": "true"}
CONTRADICTIONS: list[tuple[dict[str, str], str]] = [
    ({"GATEWAY_REQUEST_TIMEOUT": "7.9"}, "GATEWAY_REQUEST_TIMEOUT: must not be shorter"),
    ({"GATEWAY_CALL_TIMEOUT": "15.1"}, "GATEWAY_REQUEST_TIMEOUT: must not be shorter"),
    # The value 4s was meant as 4, which the request timeout does not contradict.
    ({"GATEWAY_CALL_TIMEOUT": "4s", "GATEWAY_REQUEST_TIMEOUT": "5"}, "GATEWAY_CALL_TIMEOUT: must be"),
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
    # a secret or an address that production has not, or has as the document prints it (quirk 47)
    *(
        ({key: value for key, value in PRODUCTION.items() if key != name}, name)
        for name in PRODUCTION
        if name != "GATEWAY_ENV"
    ),
    *(
        (PRODUCTION | {"GATEWAY_CALLBACK_KEY_K": "k", "GATEWAY_CALLBACK_KEY_D": "d", name: "123456"}, f"{name}: ")
        for name in (*SECRETS, "GATEWAY_ID_KEY", "GATEWAY_CALLBACK_KEY_K", "GATEWAY_CALLBACK_KEY_D")
    ),
    (PRODUCTION | {"GATEWAY_ID_KEY": "s3cr3t" + "k" * 25}, "GATEWAY_ID_KEY: "),
]


@pytest.mark.parametrize(("environ", "named"), CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused(environ: dict[str, str], named: str) -> None:
    [mistake] = refusal(environ).args
    assert mistake.startswith(named)
    assert "123456" not in mistake


def test_settings_that_agree_are_read() -> None:
    accepts = {"GATEWAY_CALLBACK_ACCEPTS": "platform", "GATEWAY_SECURITY_CALLBACK_PATH": "/x"}
    assert load_settings(accepts).callback_accepts == "platform"
    assert load_settings(MANIFEST | {"GATEWAY_TRUSTED_DOCUMENTS_MODE": "report"}).shows_explorer
    assert not load_settings({"GATEWAY_EXPLORER": "false"}).shows_explorer
    assert load_settings({"GATEWAY_ALLOWED_HOSTS": "A.example, b.example"}).hosts >= {"a.example", "b.example"}
    assert load_settings(PRODUCTION).is_production


def test_cache_names_what_differs_from_the_default() -> None:
    assert load_settings({}).cached == CACHED
    assert load_settings({"GATEWAY_CACHE": "people=60, orders=0.5"}).cached == CACHED | {"people": 60, "orders": 0.5}
    assert load_settings({"GATEWAY_CACHE": "all=0 modules=9"}).cached == dict.fromkeys(CACHED, 0) | {"modules": 9}


def test_printed_settings_show_no_secret():
    settings = load_settings({"GATEWAY_WJDH_SECRET_KEY": "s3cr3t", "GATEWAY_ID_KEY": "s3cr3t" * 8})
    assert "s3cr3t" not in repr(settings)


PAGE = read_text(DOCS / "settings.md")

ROW = re.compile(r"^\| `(GATEWAY_[A-Z0-9_]+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"GATEWAY_[A-Z0-9_]*[A-Z0-9]")


def known() -> dict[str, msgspec.structs.FieldInfo]:
    return {PREFIX + field.name.upper(): field for field in msgspec.structs.fields(Settings)}


def documented_default(default: object) -> str | None:
    """As the page writes it; None where it says it in words."""
    if default is None:
        return None
    text = " ".join(default) if isinstance(default, tuple) else str(default).removesuffix(".0")
    return f"`{text.lower() if isinstance(default, bool) else text}`" if text else "none"


def test_every_setting_is_documented_once_with_its_default() -> None:
    rows, fields = ROW.findall(PAGE), known()
    assert sorted(name for name, *_ in rows) == sorted(fields)
    for name, _, shown, _ in rows:
        assert documented_default(fields[name].default) in (None, shown), name


def test_pages_mention_existing_settings_only() -> None:
    exist = set(known()) | {"GATEWAY_TEST_DATABASE_URL"}
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Dockerfile", *DOCS.rglob("*.md")):
        unknown = set(NAME.findall(read_text(path))) - exist
        assert [name for name in unknown if not any(each.startswith(f"{name}_") for each in exist)] == [], path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.env"


def read(*files: Path, **environ: str) -> dict[str, str]:
    found = read_environment({"GATEWAY_ENV_FILE": ":".join(map(str, files)), **environ})
    return {name: value for name, value in found.items() if name != "GATEWAY_ENV_FILE"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X=plain", "plain"),
        ("  X=indented  ", "indented"),
        ("export X=exported", "exported"),
        ("X=", ""),
        ("X=a=b", "a=b"),
        ("X='single # quoted'", "single # quoted"),
        ('X="double"', "double"),
        ("X=it's", "it's"),
        ('X="a" "b"', 'a" "b'),
        ("X=p#ss w#rd # no comment", "p#ss w#rd # no comment"),
        ("X=$HOME/${Y}\\n", "$HOME/${Y}\\n"),
        ("X=晨曦家园", "晨曦家园"),
        ("# X=1\n\n   # Y=2\nX=3\r\n", "3"),
        ("X=1\nX=2", "2"),
        ("\ufeffX=after a byte order mark", "after a byte order mark"),
    ],
)
def test_line_is_read_literally(file: Path, line: str, value: str) -> None:
    file.write_text(line, encoding="utf-8")
    assert read(file) == {"X": value}


def test_mistakes_name_file_and_line_never_a_value(file: Path) -> None:
    file.write_text("GOOD=s3cr3t\ns3cr3t\n1BAD=s3cr3t\nX = s3cr3t\nY='s3cr3t\nGATEWAY_ENV_FILE=s3cr3t\n")
    missing = file.with_name("missing.env")

    with pytest.raises(SettingsError) as refused:
        read(missing, file)

    assert [mistake.removeprefix("GATEWAY_ENV_FILE: ") for mistake in refused.value.args] == [
        f"{missing} cannot be read: No such file or directory",
        f"{file}, line 2: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 3: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 4: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 5: Y: the quote that opens does not close",
        f"{file}, line 6: a file cannot name others",
    ]
    assert "s3cr3t" not in str(refused.value)
    file.write_bytes("X=密钥".encode("gbk"))
    with pytest.raises(SettingsError, match="must be UTF-8"):
        read(file)


def test_environment_wins_unless_it_is_empty_then_the_last_file(file: Path) -> None:
    other = file.with_name("other.env")
    file.write_text("X=1\nY=1\nZ=1\n")
    other.write_text("X=2\n")
    assert read(file, other, Z=" ") == {"X": "2", "Y": "1", "Z": "1"}
    assert read(other, file, Y="0") == {"X": "1", "Y": "0", "Z": "1"}


def test_unknown_setting_of_a_file_is_reported(file: Path) -> None:
    file.write_text("GATEWAY_WJDH_ULR=x\n")
    [line] = unknown_variables({"GATEWAY_ENV_FILE": str(file)})
    assert line.endswith("did you mean GATEWAY_WJDH_URL?")


def test_other_variables_are_exported_and_settings_are_not(file: Path) -> None:
    file.write_text("PGPASSWORD=a\nPGSSLROOTCERT=b\nGATEWAY_ID_KEY=c\nTZ=d\n")
    environ = {"GATEWAY_ENV_FILE": str(file), "TZ": "UTC"}
    export_others(environ)
    assert environ == {"GATEWAY_ENV_FILE": str(file), "TZ": "UTC", "PGPASSWORD": "a", "PGSSLROOTCERT": "b"}
