"""scripts/audit against databases of vulnerabilities that answer, know of one, or are not there."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

AUDIT = Path(__file__).parent.parent / "scripts" / "audit"

Answer = Callable[[str], dict[str, Any]]


@contextmanager
def database(answer: Answer) -> Iterator[str]:
    """An OSV: asked for the name of a package, it answers what it knows."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps(answer(question["package"]["name"])).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()


def audit(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, "--osv-url", url], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module", autouse=True)
def _can_be_installed() -> None:
    with database(lambda _: {}) as url:
        said = audit(url).stdout
    if "cannot be installed" in said:
        pytest.skip(said)


def test_a_known_vulnerability_ends_it_with_1_and_is_named() -> None:
    def answer(name: str) -> dict[str, Any]:
        if name != "starlette":
            return {}
        affected = {
            "package": {"name": "starlette", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
        return {"vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "summary": "bad", "affected": [affected]}]}

    with database(answer) as url:
        ended = audit(url)

    assert ended.returncode == 1, ended.stderr
    assert "starlette" in ended.stdout
    assert "PYSEC-1, CVE-1, fixed in 99.1" in ended.stdout


def test_every_locked_package_is_asked_for() -> None:
    asked = set()

    def answer(name: str) -> dict[str, Any]:
        asked.add(name)
        return {}

    with database(answer) as url:
        ended = audit(url)

    assert ended.returncode == 0, ended.stderr
    assert f"{len(asked)} packages, none known" in ended.stdout
    locked = {
        line.split("==")[0]
        for lock in AUDIT.parent.parent.glob("requirements*.lock")
        for line in lock.read_text().splitlines()
        if "==" in line
    }
    assert asked == locked


def test_a_database_that_is_not_there_is_said_and_fails_nothing() -> None:
    ended = audit("http://127.0.0.1:9/v1/query")

    assert ended.returncode == 0
    assert ended.stdout.startswith("audit: NOT AUDITED")
    assert "OSV: " in ended.stdout
    assert ended.stderr == ""
