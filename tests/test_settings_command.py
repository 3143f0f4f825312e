"""`gateway settings`: what is in force, from where, and nothing secret."""

import re
import subprocess
from pathlib import Path

import pytest
from programs import call

from gateway import env_file
from gateway.env_file import find_deployed
from gateway.settings import load_settings

FILE = """
GATEWAY_PORT=8100
GATEWAY_RATE_LIMIT=
GATEWAY_ALLOWED_HOSTS=a.example, b.example
GATEWAY_ID_KEY=s3cr3t
GATEWAY_CALLBACK_KEY_K=s3cr3t
GATEWAY_CALLBACK_KEY_D=s3cr3t
GATEWAY_DATABASE_URL=postgresql://gateway:s3cr3t:/@1@db.example.org/gateway?sslmode=require&password=s3cr3t
GATEWAY_UPSTREAM_PROXY=http://user:s3cr3t@proxy.example.org:3128
PGPASSWORD=s3cr3t
OTEL_EXPORTER_OTLP_HEADERS=authorization=s3cr3t
PGSSLROOTCERT=/etc/wanjia-gateway/database.pem
"""


def print_settings(*arguments: object, status: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
    return call({"GATEWAY_ENV_FILE": ""} | environ, "settings", *map(str, arguments), status=status)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.env"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_each_setting_is_a_line_with_its_source(file: Path) -> None:
    printed = print_settings("--env-file", file, GATEWAY_PORT="8200", GATEWAY_COMMUNITIES="10002=晨曦家园")
    lines = dict(re.split(r" {2,}", line, maxsplit=1) for line in printed.stdout.splitlines())
    assert printed.stderr == ""
    assert re.split(" +", lines["GATEWAY_PORT"]) == ["environment", "8200"]
    assert re.split(" +", lines["GATEWAY_COMMUNITIES"]) == ["environment", "10002=晨曦家园"]
    assert re.split(" +", lines["GATEWAY_RATE_LIMIT"]) == ["default", "1200"]
    assert re.split(" +", lines["GATEWAY_PROFILE"]) == ["default", "-"]
    assert re.split(" +", lines["GATEWAY_EXPLORER"]) == ["default", "true"]
    assert re.split(" +", lines["GATEWAY_TRUSTED_DOCUMENTS_MODE"]) == ["default", "off"]
    assert re.split(" +", lines["GATEWAY_ALLOWED_HOSTS"], maxsplit=1) == [str(file), "a.example b.example"]
    assert re.split(" +", lines["PGSSLROOTCERT"]) == [str(file), "/etc/wanjia-gateway/database.pem"]
    assert len({line.index(lines[name]) for name, line in zip(lines, printed.stdout.splitlines(), strict=True)}) == 1


def test_secrets_are_masked_and_the_rest_of_a_url_is_not(file: Path) -> None:
    printed = print_settings("--env-file", file).stdout
    assert "s3cr3t" not in printed
    assert "postgresql://gateway:***@db.example.org/gateway?sslmode=require&password=***" in printed
    assert "http://user:***@proxy.example.org:3128" in printed
    assert len(re.findall(r" \*\*\*$", printed, re.MULTILINE)) == 5


def test_invalid_settings_are_named_with_status_2(file: Path) -> None:
    file.write_text("GATEWAY_PORT=s3cr3t\nGATEWAY_MAX_DEPTH=0\n")
    refused = print_settings("--env-file", file, status=2)
    assert (refused.stdout, refused.stderr.count("\n"), "s3cr3t" in refused.stderr) == ("", 2, False)
    missing = print_settings(GATEWAY_PROFILE="/nowhere/profile.toml", status=2)
    assert missing.stderr == "gateway: GATEWAY_PROFILE: the file cannot be read: No such file or directory\n"


def test_deployed_file_is_used_unless_told_otherwise(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env_file, "DEPLOYED", file)
    found, told, none = {}, {"GATEWAY_ENV_FILE": "/other.env"}, {"GATEWAY_ENV_FILE": ""}
    for environ in (found, told, none):
        find_deployed(environ)
    assert found == {"GATEWAY_ENV_FILE": str(file)}
    assert (told, none) == ({"GATEWAY_ENV_FILE": "/other.env"}, {"GATEWAY_ENV_FILE": ""})
    file.write_text("GATEWAY_ENV=\n")
    with pytest.raises(env_file.SettingsError, match="GATEWAY_ENV=production has no issuer"):
        load_settings(found)
    file.unlink()
    environ = {}
    find_deployed(environ)
    assert environ == none
