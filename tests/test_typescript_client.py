"""The npm package for frontends: packed, installed in a fresh app, compiled in strict mode, run against the sandbox."""

import asyncio
import gzip
import os
import re
import shutil
from pathlib import Path

import pytest
from graphql import GraphQLScalarType, is_specified_scalar_type
from pages import DOCS, PAGES, blocks, read_text
from programs import run

from schema.build import executable_schema

PACKAGE = Path(__file__).parent.parent / "clients" / "typescript"

pytestmark = [pytest.mark.node, pytest.mark.demo]


@pytest.fixture(scope="module")
def app(client_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh app with the package, its tests, and the code of the pages."""
    app = tmp_path_factory.mktemp("app")
    shutil.copytree(PACKAGE / "app", app, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(client_package, app)
    for page in (*PAGES, PACKAGE / "README.md"):
        for number, block in enumerate(blocks(page, "ts")):
            (app / f"{page.parent.name}-{page.stem}-{number}.ts").write_text(block, encoding="utf-8")
    run("npm", "install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", cwd=app)
    return app


def test_fresh_app_compiles_in_strict_mode(app: Path) -> None:
    assert len([*app.glob("*-*.ts")]) >= 4
    assert run(app / "node_modules" / ".bin" / "tsc", cwd=app, status=None).stdout == ""


async def test_fresh_app_runs_against_the_sandbox(app: Path, gateway):
    environ = {**os.environ, "NO_COLOR": "1", "GATEWAY_URL": f"{gateway.url}/graphql", "GATEWAY_TOKEN": gateway.token}
    vitest = app / "node_modules" / ".bin" / "vitest"
    ended = await asyncio.to_thread(run, vitest, "run", cwd=app, env=environ, status=None)
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"


def test_package_stays_small(app: Path) -> None:
    """What a module adds to an app at most, compressed, before a bundler leaves out what the app does not import."""
    built = app / "node_modules" / "wanjia-gateway-client" / "dist"
    sizes = {str(path.relative_to(built)): len(gzip.compress(path.read_bytes())) for path in built.rglob("*.js")}
    assert sizes["events.js"] < 2 * 1024
    assert sizes["generated/documents.js"] < 16 * 1024
    assert sizes["cjs/mini-program-client.js"] < 4 * 1024


def test_type_generator_maps_every_scalar() -> None:
    (scalars,) = re.findall(r"^ +scalars: \{ (.*) \}$", read_text(DOCS / "quickstart.md"), re.MULTILINE)
    types = [t for t in executable_schema().type_map.values() if isinstance(t, GraphQLScalarType)]
    own = {t.name for t in types if not is_specified_scalar_type(t)}
    assert scalars.split(", ") == [f"{name}: string" for name in sorted(own)]
