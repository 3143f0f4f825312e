"""`scripts/setup`, with a Python and a pip that install nothing."""

import os
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parent.parent / "scripts" / "setup"

PYTHON = """#!/bin/sh
case $1 in
    -c) echo "/usr 3.13.0" ;;
    --version) echo "Python 3.13.0" ;;
    -m) mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "${0%python}pip" "$4/bin/pip" ;;
esac
"""
PIP = """#!/bin/sh
case "$*" in *--quiet*) exit ;; esac
echo "Collecting one==1 (from -r requirements.lock)"
echo "  Using cached one-1-py3-none-any.whl (1 kB)"
echo "Collecting two==2 (from -r requirements.lock)"
[ -z "$FAILS" ] || exit 1
echo "Installing collected packages: one, two"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name, text in (("python", PYTHON), ("pip", PIP)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    return os.environ | {"PYTHON": str(tmp_path / "python"), "VENV": str(tmp_path / "venv")}


def run(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SETUP], env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_setup_shows_progress_while_it_installs(environ: dict[str, str]) -> None:
    first, second = run(environ), run(environ)

    assert (first.returncode, first.stdout) == (0, "")
    made, installed = first.stderr.splitlines()
    assert made == f"Making {environ['VENV']} with Python 3.13.0 ..."
    assert installed.endswith(" the first time .. unpacking ...")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")


def test_setup_fails_where_pip_fails(environ: dict[str, str]) -> None:
    assert run(environ | {"FAILS": "1"}).returncode == 1
    assert "Installing the packages" in run(environ | {"FAILS": "1"}).stderr, "it is not taken for done"
