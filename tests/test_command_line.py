"""The command line: what serves in a process of its own, the platforms in another, all else in that of the test."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pages import ROOT
from processes import free_port, platforms
from programs import call, run

from gateway.auth.node_ids import NodeIds
from gateway.commands.demo import _listen
from gateway.journal.journal import open_journal
from gateway.journal.listing import PaymentQuery
from gateway.journal.records import AuditAction, AuditEntry, RecordRefs, new_id
from gateway.settings import Settings, load_settings
from schema.build import export_sdl

pytestmark = pytest.mark.slow

GATEWAY = [sys.executable, "-m", "gateway"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox_settings() -> AsyncIterator[Mapping[str, str]]:
    """The settings that point at both platforms, which run in another process."""
    async with platforms() as running:
        yield running.settings


@pytest.fixture
def environ(sandbox_settings, tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return clean | sandbox_settings | {"GATEWAY_DATA_DIR": str(tmp_path / "data"), "GATEWAY_ENV_FILE": ""}


def command(environ, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """In a process where it might serve: one that is not refused would never end in that of the test."""
    serves = arguments[0] in ("serve", "demo")
    return run(*GATEWAY, *arguments, env=environ, status=status) if serves else call(environ, *arguments, status=status)


@contextmanager
def start(environ, *arguments: str, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*GATEWAY, *arguments], env=environ, **pipes | options) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def post(url: str, query: str, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.post(f"{url}/graphql", headers=headers, json={"query": query}, trust_env=False)


def test_serve_reads_files_and_logs_its_start(environ, tmp_path):
    del environ["GATEWAY_ENV_FILE"]
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    first.write_text("".join(f"{name}={environ.pop(name)}\n" for name in [*environ] if name.startswith("GATEWAY_")))
    second.write_text("GATEWAY_PORT=1\nGATEWAY_RATE_LIMIT=77\nGATEWAY_SECURITY_URL=http://192.0.2.7\n")
    first.chmod(0o640)
    second.chmod(0o644)
    port = free_port()
    files = ("--env-file", str(first), "--env-file", "second.env")
    environ = environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), environ.get("PYTHONPATH", "")])}
    with start(environ, "serve", *files, "--host", "::1", "--port", str(port), cwd=tmp_path) as process:
        warning, line = process.stderr.readline(), json.loads(process.stderr.readline())
        token = command(environ, "token", "--env-file", str(first)).stdout.strip()
        answer = post(line["address"], "{ viewer { subject } }", token)
        process.terminate()
        [error] = map(json.loads, process.stderr.read().splitlines())

    assert warning == f"gateway: GATEWAY_ENV_FILE: every user of this machine can read {second} (chmod o-r)\n"
    assert line.pop("timestamp")
    assert line == {
        "event": "gateway serves",
        "level": "info",
        "address": f"http://[::1]:{port}",
        "environment": "development",
        "version": version("wanjia-gateway"),
        "build": "",
        "journal": "SQLite",
    }
    assert error["event"] == "development serves a platform that is not on this machine"
    assert (error["level"], error["platforms"]) == ("error", ["SECURITY"])
    assert answer.json()["data"] == {"viewer": {"subject": "developer"}}
    assert "q=77" in answer.headers["ratelimit-policy"]


def test_command_reports_what_a_running_gateway_holds(environ):
    environ = environ | {"GATEWAY_PORT": str(free_port())}
    port = f"GATEWAY_HOST, GATEWAY_PORT: 127.0.0.1 port {environ['GATEWAY_PORT']}: Address already in use (--host "
    in_use = "journal.sqlite3 is in use by another process."
    elsewhere = {"GATEWAY_PORT": "0", "GATEWAY_JOURNAL_TIMEOUT": "0.1"}
    unreachable = {"GATEWAY_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"}
    with start(environ, "serve") as process:
        process.stderr.readline()
        for words, settings, status, reason in (
            ("serve", {}, 3, port),
            ("demo", {}, 3, port + "and --port choose"),
            ("serve", elsewhere, 3, in_use),
            ("audit", elsewhere, 2, f"{in_use} It can be read while no gateway runs on it: stop that one first.\n"),
            ("serve", elsewhere | unreachable, 3, "GATEWAY_DATABASE_URL: Connection refused (Conn"),
            ("serve --workers 2", unreachable, 3, port),
        ):
            ended = command(environ | settings, *words.split(), status=status)
            assert ended.stdout == "", words
            assert ended.stderr.startswith(f"gateway: {reason}"), words
            assert "Traceback" not in ended.stderr, words
        checked = command(environ | elsewhere, "check")
        process.terminate()

    assert checked.stderr == ""
    assert re.search(r"^journal +SQLite +yes +- +in use ", checked.stdout, re.MULTILINE)


def test_id_key_other_than_the_journals_is_refused(serve, environ):
    async def write_journal() -> None:
        async with serve(environ):
            pass

    asyncio.run(write_journal())
    other = environ | {"GATEWAY_ID_KEY": "k" * 32}
    command(environ, "check")
    for words, status in (("check", 1), ("serve", 3), ("payments retry any", 2)):
        refused = command(other, *words.split(), status=status)
        assert "GATEWAY_ID_KEY: the journal was written with another key" in refused.stdout + refused.stderr
    assert "takes the id key of the next gateway" in command(other, "migrate", "--new-id-key").stdout
    command(other, "check")


def test_check_reads_a_page_of_communities(environ):
    sound = command(environ | {"GATEWAY_COMMUNITIES": "10002，00001=晨熙家园"}, "check")
    lost = command(environ | {"GATEWAY_COMMUNITIES": "10002,1=晨熙家园"}, "check", status=1)
    assert re.search(r"^wjdh +order/list of 10002 +yes +yes +OK ", sound.stdout, re.MULTILINE)
    assert "wjdh order/list: community 1 is refused: is it the account's, with all its leading zeros?" in lost.stdout


def test_check_tells_what_a_token_may_see(environ, tmp_path):
    file = tmp_path / "token"
    file.write_text(command(environ, "token", "--scopes", "order:read", "--communities", "10002,00001").stdout)
    taken = command(environ, "check", "--token", str(file)).stdout
    file.write_text("Bearer e30.e30.")
    deep = ("--deep", "--communities", "10002", "--pause", "0")
    refused = command(environ, "check", *deep, "--token", str(file), status=1).stdout
    file.write_text("")
    command(environ, "check", "--token", str(file), status=1)
    command(environ, "check", "--token", str(tmp_path), status=2)

    assert taken.startswith("The token is taken.\n  scopes: order:read\n  communities: 10002 00001\n")
    assert refused.startswith("The token is refused: its header lacks alg or typ")


def test_token_reports_a_new_key(environ):
    first, second = command(environ, "token"), command(environ, "token")
    assert first.stderr == (
        f"gateway: made a new key, {environ['GATEWAY_DATA_DIR']}/issuer.pem: "
        "only a gateway with this GATEWAY_DATA_DIR takes its tokens\n"
    )
    assert first.stdout.count("\n") == 1
    assert second.stderr == ""


def test_check_lists_every_endpoint_and_writes_nothing(environ):
    checked = command(environ, "check")
    verdict, table, _ = checked.stdout.split("\n\n")
    rows = {line.split()[1]: line for line in table.splitlines()[1:]}
    assert verdict == "No problem was found."
    assert re.search(r"yes +yes +code 1 +\d+ ms", rows["order/list"])
    assert "not tried" in rows["order/new"]
    assert {"people", "owner", "modules-sync", "shenheList", "repair/list"} <= set(rows)
    assert re.search(r"^journal +SQLite +yes +- +to be made ", table, re.MULTILINE)
    assert re.search(r"^issuer +signing keys +- +- +development's own ", table, re.MULTILINE)
    assert checked.stderr == ""
    assert not Path(environ["GATEWAY_DATA_DIR"]).exists()


def test_check_reports_causes_first(environ):
    dead = {
        "GATEWAY_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
        "GATEWAY_AUTH_ISSUER": "https://login.example",
        "GATEWAY_AUTH_AUDIENCE": "wanjia",
        "GATEWAY_AUTH_JWKS_URL": f"http://127.0.0.1:{free_port()}/jwks",
        "GATEWAY_SECURITY_URL": f"http://127.0.0.1:{free_port()}",
        "GATEWAY_WJDH_SECRET_KEY": "",
    }
    checked = command(environ | dead, "check", status=1)
    problems, table, _ = checked.stdout.split("\n\n")
    head, *causes = problems.splitlines()
    assert head == "5 problems:"
    starts = (
        *("GATEWAY_WJDH_SECRET_KEY: not set", "journal GATEWAY_DATABASE_URL: Connection refused ("),
        *("issuer GATEWAY_AUTH_JWKS_URL: No connection could be made", "wjdh secret: "),
        "security token: No connection could be made",
    )
    assert all(cause.startswith(f"  {start}") for cause, start in zip(causes, starts, strict=True))
    assert re.search(r"^journal +PostgreSQL +- +- +unusable ", table, re.MULTILINE)
    assert re.search(r"^issuer +signing keys +- +- +UPSTREAM_UNAVAILABLE ", table, re.MULTILINE)


async def test_check_fetches_the_keys_of_the_issuer(environ, key_server, issuer):
    """Before and after the issuer has keys."""
    settings = issuer.settings() | {"GATEWAY_AUTH_KEY_FILE": "", "GATEWAY_AUTH_JWKS_URL": key_server.url}
    key_server.body = b"{}"
    before = await asyncio.to_thread(command, environ | settings, "check", status=1)
    key_server.body = issuer.jwks()
    after = await asyncio.to_thread(command, environ | settings, "check")
    assert "issuer GATEWAY_AUTH_JWKS_URL: " in before.stdout
    assert re.search(r"^issuer +signing keys +yes +- +OK ", after.stdout, re.MULTILINE)


def test_commands_of_the_journal_make_none(environ):
    for words in ("payments", "operations", "payments retry --all-dead", "audit --follow"):
        ended = command(environ, *words.split(), status=2)
        assert ended.stdout == ""
        assert ended.stderr.startswith("gateway: There is no journal ")
    command(environ, "migrate", "--check", status=1)
    assert not (Path(environ["GATEWAY_DATA_DIR"]) / "journal.sqlite3").exists()


def test_actions_of_commands_take_settings_from_files(environ, tmp_path):
    file = tmp_path / "gateway.env"
    file.write_text(f"GATEWAY_DATA_DIR={environ.pop('GATEWAY_DATA_DIR')}\n")
    given = ["--env-file", str(file)]
    command(environ, "migrate", *given)
    for words in (["payments", *given, "retry", "--all-dead"], ["payments", "retry", "--all-dead", *given]):
        assert command(environ, *words).stderr == "no payments that are DEAD\n"


IDS = NodeIds(b"k" * 32)
SOMEBODY, NOBODY = (IDS.hashed("People", name, "phone") for name in ("somebody", "nobody"))


@pytest.fixture
def trail(environ) -> None:
    """A journal with so many entries that they fill a pipe."""
    at = datetime(2026, 1, 31, tzinfo=UTC)
    shown: dict[str, Any] = {"records": RecordRefs("People", None, (SOMEBODY,)), "fields": ("phone",), "count": 1}
    whose: dict[str, Any] = {"subject": "officer", "request_id": "request", "operation_name": None}
    seen: dict[str, Any] = {"at": at, "action": AuditAction.REVEALED, "missing_scope": None, **shown, **whose}

    async def write() -> None:
        async with open_journal(load_settings(environ)) as journal:
            await journal.audit.add([AuditEntry(id=new_id(at), **seen) for _ in range(1000)])

    asyncio.run(write())


@pytest.mark.usefixtures("trail")
def test_following_ends_by_interrupt(environ):
    with start(environ, "audit", "--follow") as process:
        for _ in range(1000):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (130, "")


@pytest.mark.usefixtures("trail")
def test_audit_finds_a_person_by_id_or_reports_why_not(environ):
    seen = command(environ, "audit", "--record", SOMEBODY, "--since", "2026-01-31")
    assert (len(seen.stdout.splitlines()), seen.stderr) == (1000, "")
    for option, value in (("--record", NOBODY), ("--since", "2026-01-31T00:00:01")):
        unseen = command(environ, "audit", option, value)
        assert (unseen.stdout, unseen.stderr) == ("", "no entries\n")
    wrong = [("--record", value) for value in ("xyz", "17", IDS.encode("Order", "10002", 1), SOMEBODY[:-2])]
    for option, value in (*wrong, ("--since", "yesterday")):
        ended = command(environ, "audit", option, value, status=2)
        assert ended.stdout == "", value
        assert f"{option}: " in ended.stderr


@pytest.mark.usefixtures("trail")
def test_closed_output_pipe_ends_audit_cleanly(environ):
    with start(environ, "audit") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_demo_takes_another_port_for_an_empty_setting(monkeypatch):
    monkeypatch.setenv("GATEWAY_PORT", " ")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _listen(Settings(port=port)) as listener:
            assert listener.getsockname()[1] != port


def test_demo_once_shows_an_answer_and_changes_no_journal(environ):
    """Its sandbox begins anew each time: it has none of the orders in that journal, and expects no payment."""

    async def payments(*numbers: str) -> list[object]:
        async with open_journal(load_settings(environ)) as journal:
            for number in numbers:
                await journal.payments.receive(number, "1601234567", f"42000000{number}", subject="resident-platform")
            return [*(await journal.payments.list(PaymentQuery(), 10)).items]

    kept = asyncio.run(payments("1", "2"))
    shown = command(environ | {"GATEWAY_PORT": "0"}, "demo", "--once").stdout
    assert asyncio.run(payments()) == kept
    assert "query Dashboard" in shown
    assert '"pendingShenhes": ' in shown
    assert not re.search('"errors"|Bearer', shown)


def test_demo_prints_a_working_command_and_leaves_no_files(environ, tmp_path, find_tool):
    """It begins with payments and an unclear write."""
    environ = environ | {"TMPDIR": str(tmp_path)}
    find_tool("curl")
    token = command(environ, "token").stdout.strip()
    query = """{ viewer { subject } payments { nodes { conflicts { receivedAt } } }
        operations(first: 1) { totalCount nodes { mutation outcome } } }"""
    with start(environ, "demo", "--port", "0", stderr=None) as demo:
        url = re.search(r"http://\S+(?=/graphql)", demo.stdout.readline())[0]
        printed = next(line for line in demo.stdout if line.startswith("curl "))
        data = post(url, query, token).json()["data"]
        assert json.loads(run("sh", "-c", printed).stdout)["data"]["viewer"]["subject"] == "demo"
        demo.send_signal(signal.SIGTERM)

    assert data["viewer"] == {"subject": "developer"}
    assert [len(payment["conflicts"]) for payment in data["payments"]["nodes"]] == [1, 0, 0, 0]
    assert data["operations"] == {"totalCount": 2, "nodes": [{"mutation": "createAnnouncement", "outcome": "UNKNOWN"}]}
    assert demo.returncode == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "id.key", "issuer.pem"]


CERTIFICATES = "SSL_CERT_FILE: must be a file that can be read, of certificates in PEM"
TLS = {"GATEWAY_WJDH_URL": "https://wjdh.example"}
URLS = ["http://s3cr3t:65536", "http://user:s3cr3t@wjdh.example", f"http://s3cr3t{'t' * 60}.example"]
REFUSED = [
    *(("serve", {"GATEWAY_WJDH_URL": url}, "gateway: GATEWAY_WJDH_URL") for url in URLS),
    ("serve", {"GATEWAY_SECURITY_TOKEN_PATH": "htps://s3cr3t.example/token"}, "gateway: GATEWAY_SECURITY_URL, GATE"),
    ("serve", TLS | {"SSL_CERT_FILE": "BAD"}, CERTIFICATES),
    ("check", TLS | {"SSL_CERT_FILE": "s3"}, CERTIFICATES),
    ("serve --workers two", {}, "--workers: a number from 1 on"),
    ("token --scopes order:write", {}, "unknown scope order:write"),
    (f"token --subject {'x' * 256}", {}, "the subject has 1 to 255 characters"),
    ("token", {"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_HOST"),  # noqa: S104 # is refused
    ("demo", {"GATEWAY_AUTH_ISSUER": "https://login.example"}, "GATEWAY_AUTH_ISSUER"),
    ("demo", {"GATEWAY_ENV": "production", "GATEWAY_ID_KEY": "k" * 40}, "GATEWAY_ENV"),
]


@pytest.mark.parametrize(("words", "settings", "reason"), REFUSED)
def test_refused_command_gives_its_reason_and_no_value(environ, tmp_path, words, settings, reason):
    """BAD stands for a file that holds no certificates."""
    bad = tmp_path / "bad"
    bad.touch()
    settings = {name: value.replace("BAD", str(bad)) for name, value in settings.items()}
    ended = command(environ | settings, *words.split(), status=2)
    assert ended.stdout == ""
    assert reason in ended.stderr
    assert "s3cr3t" not in ended.stderr


def test_printing_commands_ignore_an_unknown_setting(environ):
    environ |= {"GATEWAY_BUILD_ID": "1a2b3c4", "GATEWAY_WJDH_ULR": "s3cr3t"}
    named = "gateway: GATEWAY_WJDH_ULR: no such setting, ignored; did you mean GATEWAY_WJDH_URL?\n"
    assert command(environ, "--version").stdout == f"gateway {version('wanjia-gateway')} (1a2b3c4)\n"
    assert command(environ, "schema").stdout == export_sdl()
    assert command(environ, "check").stderr == named


def test_serve_reports_every_unusable_setting(environ, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "id.key").write_bytes(b"k" * 32)
    (tmp_path / "data" / "id.key").chmod(0o644)
    wrong = {
        "GATEWAY_WJDH_URL": "ftp://s3cr3t.example",
        "GATEWAY_SECURITY_URL": "s3cr3t",
        "GATEWAY_TRUSTED_DOCUMENTS": str(tmp_path / "missing.json"),
        "GATEWAY_HSOT": "s3cr3t",
    }
    ended = command(environ | wrong, "serve", "--workers", "2", status=2)
    assert [line.split(": ")[:2] for line in ended.stderr.splitlines()] == [
        ["gateway", name]
        for name in (
            *("GATEWAY_HSOT", "GATEWAY_DATA_DIR", "GATEWAY_WJDH_URL", "GATEWAY_SECURITY_URL, GATEWAY_SECURITY_*_PATH"),
            *("GATEWAY_TRUSTED_DOCUMENTS", "GATEWAY_DATABASE_URL"),
        )
    ]
    assert "s3cr3t" not in ended.stderr
