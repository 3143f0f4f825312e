"""`deploy/compose`: what `docker compose config` makes of it, and that a gateway starts with it."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from callers import sign
from deployed import DEPLOY
from joserfc.jwk import ECKey
from programs import run

from gateway.app import create_app
from gateway.auth.principal import Scope
from gateway.commands.serve import GRACE
from gateway.env_file import DEPLOYED
from gateway.sandbox.server import SandboxOptions
from gateway.settings import SettingsError, load_settings

COMPOSE = DEPLOY / "compose"
SECRETS = {"GATEWAY_ID_KEY": "k" * 32, "PGPASSWORD": "p" * 32}
EXAMPLE = DEPLOY / "gateway.example.env"
TRIAL = COMPOSE / "trial" / "gateway.env"


def read_env(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture(scope="module")
def config(find_tool, tmp_path_factory):
    """`docker compose config` of these files and settings, as one object."""
    program, folder = find_tool("docker-compose"), tmp_path_factory.mktemp("compose")

    def read(*files: str, env: dict[str, str], profile: str = "*") -> Any:
        settings = folder / "some.env"
        lines = [f"{name}={value}\n" for name, value in (env | {"CONFIG_FOLDER": str(folder)}).items()]
        settings.write_text("".join(lines))
        options = [option for file in files for option in ("--file", str(COMPOSE / file))]
        options += ["--env-file", str(settings), "--profile", profile]
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        answer = run(program, *options, "config", "--format", "json", env=environ)
        assert "level=warning" not in answer.stderr
        return json.loads(answer.stdout)

    return read


@pytest.fixture(scope="module")
def production(config):
    """The files as an operator uses them."""
    return config("compose.yaml", env=read_env(EXAMPLE) | SECRETS)


@pytest.fixture(scope="module")
def trial(config):
    return config("compose.yaml", "trial.yaml", env=read_env(TRIAL), profile="none")


def in_container(config, file: dict[str, str]) -> dict[str, str]:
    """What the gateway has there: its file, and the environment, which wins."""
    [folder] = [each for each in config["services"]["gateway"]["volumes"] if each["target"] == str(DEPLOYED.parent)]
    assert folder["read_only"]
    return {**file, **config["services"]["gateway"]["environment"]}


def refused(environment) -> str:
    """What the gateway says of the settings of its service; empty: it starts."""
    environ = {name: str(value) for name, value in environment.items() if value is not None}
    try:
        create_app(load_settings(environ | {"GATEWAY_HOST": "0.0.0.0", "GATEWAY_PORT": "8000"}))  # noqa: S104
    except SettingsError as error:
        return str(error)
    return ""


def test_gateway_accepts_the_trial_settings(trial):
    assert refused(in_container(trial, read_env(TRIAL))) == ""


def test_example_lacks_nothing_but_its_secrets(production):
    said = refused(in_container(production, read_env(EXAMPLE) | SECRETS))
    blank = {name for name, value in read_env(EXAMPLE).items() if not value} - set(SECRETS)
    required = {name for name in blank if name.startswith(("GATEWAY_WJDH_", "GATEWAY_SECURITY_KEY_"))}
    assert required <= set(re.findall(r"GATEWAY_[A-Z_]+", said)) <= blank


def test_only_nginx_is_reachable_from_outside_and_monitoring_a_profile(production):
    services = production["services"].items()
    published = {name: {port.get("host_ip", "") for port in service.get("ports", ())} for name, service in services}
    assert (published.pop("nginx"), published.pop("gateway")) == ({""}, set())
    assert set().union(*published.values()) == {"127.0.0.1"}
    assert production["networks"]["stored"]["internal"]
    profiled = {name for name, service in services if service.get("profiles")}
    assert profiled == {"nginx-exporter", "prometheus", "alertmanager", "grafana"}


def test_gateway_has_time_to_stop(production):
    [(minutes, seconds)] = re.findall(r"^(\d+)m(\d+)s$", production["services"]["gateway"]["stop_grace_period"])
    assert int(minutes) * 60 + int(seconds) > 2 * GRACE


def test_mounted_files_exist_and_secrets_stay_with_the_gateway(production):
    for name, service in production["services"].items():
        assert "k" * 32 not in (service.get("environment") or {}).values(), name
        for volume in service.get("volumes", ()):
            made_by_hand = volume["source"].endswith(("compose/tls", "compose/secrets"))
            assert volume["type"] == "volume" or made_by_hand or os.path.exists(volume["source"]), volume


def test_trial_platforms_are_those_of_the_sandbox(trial):
    environ = read_env(TRIAL)
    command = trial["services"]["sandbox"]["entrypoint"]
    options = SandboxOptions()
    assert (environ["GATEWAY_WJDH_SECRET_ID"], environ["GATEWAY_WJDH_SECRET_KEY"]) == options.wjdh_credentials
    assert (environ["GATEWAY_SECURITY_KEY_K"], environ["GATEWAY_SECURITY_KEY_D"]) == options.security_credentials
    assert environ["GATEWAY_WJDH_URL"].endswith(":" + command[command.index("--wjdh-port") + 1])
    assert environ["GATEWAY_SECURITY_URL"].endswith(":" + command[command.index("--security-port") + 1])


async def test_trial_tokens_open_everything(serve_production, tmp_path):
    """What the issuer's file puts into a token, signed by a key that stands for the issuer's."""
    issuer = json.loads((COMPOSE / "trial-issuer.json").read_text())["tokenCallbacks"][0]
    [mapping] = issuer["requestMappings"]
    env = read_env(TRIAL)
    assert env["GATEWAY_AUTH_ISSUER"].endswith("/" + issuer["issuerId"])
    key = ECKey.generate_key("P-256", {"kid": "trial"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    own = {name: env[name] for name in ("GATEWAY_AUTH_ISSUER", "GATEWAY_AUTH_AUDIENCE")}
    own |= {"GATEWAY_AUTH_KEY_FILE": str(tmp_path / "jwks.json"), "GATEWAY_AUTH_JWKS_URL": ""}
    async with serve_production(**own) as served:
        now = int(time.time())
        claims = {**mapping["claims"], "iss": env["GATEWAY_AUTH_ISSUER"], "iat": now, "exp": now + 60}
        token = sign(key, claims, "ES256", typ="JWT")
        answer = await served.ask("{ viewer { subject scopes seesAllCommunities } }", token=token)
    assert answer.data["viewer"] == {"subject": "trial", "scopes": sorted(Scope), "seesAllCommunities": True}
