"""`scripts/setup`, with stubs of Python, pip and uv."""

import os
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parent.parent / "scripts" / "setup"

PYTHON = """#!/bin/sh
case "$1 $2" in
    "-c "*) echo "/usr 3.13.0" ;;
    "--version "*) echo "Python 3.13.0" ;;
    "-m venv") mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "${0%python}pip" "$4/bin/pip" ;;
esac
"""
PIP = """#!/bin/sh
[ "$*" != "config get global.index-url" ] || echo https://mirror.example/simple
case "$*" in *"install --quiet --disable-pip-version-check --require-hashes --target "*) ;; *) exit ;; esac
[ "$FAILS" != pip ] || exit 1
mkdir "$6/bin"
cp "$UV" "$6/bin/uv"
"""
UV = """#!/bin/sh
case "$*" in "pip install --compile-bytecode "*) printf 'Prepared 1 package in 1s\\n + one==1\\n' >&2 ;; esac
[ "$FAILS" != uv ] || exit 1
echo "$UV_DEFAULT_INDEX" >> "$UV.log"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name, text in (("python", PYTHON), ("pip", PIP), ("uv", UV)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    places = {"PYTHON": tmp_path / "python", "UV": tmp_path / "uv", "VENV": tmp_path / "venv"}
    clean = {name: value for name, value in os.environ.items() if name not in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX")}
    return clean | {name: str(path) for name, path in places.items()} | {"FAILS": "nothing"}


def run(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SETUP], env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_setup_reports_progress_and_runs_once(environ: dict[str, str]) -> None:
    first, second = run(environ), run(environ)

    assert (first.returncode, first.stdout) == (0, "")
    made, installed, *progress = first.stderr.splitlines()
    assert made == f"Making {environ['VENV']} with Python 3.13.0 ..."
    assert installed.startswith("Installing the packages ")
    assert progress == ["Prepared 1 package in 1s"]
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("own", "index"),
    [
        ({}, "https://mirror.example/simple"),
        ({"PIP_INDEX_URL": "https://pip.example/simple"}, "https://pip.example/simple"),
        ({"UV_DEFAULT_INDEX": "https://uv.example/simple"}, "https://uv.example/simple"),
    ],
)
def test_setup_passes_the_index_of_pip_to_uv(environ: dict[str, str], own: dict[str, str], index: str) -> None:
    assert run(environ | own).returncode == 0
    assert set(Path(environ["UV"] + ".log").read_text().split()) == {index}


@pytest.mark.parametrize("which", ["pip", "uv"])
def test_setup_fails_where_its_tools_fail(environ: dict[str, str], which: str) -> None:
    assert run(environ | {"FAILS": which}).returncode == 1
    assert "Installing the packages" in run(environ | {"FAILS": which}).stderr, "it is not taken for done"
