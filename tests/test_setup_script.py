"""`scripts/setup`, with stubs of Python, pip and uv."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT
from programs import run

SETUP = ROOT / "scripts" / "setup"

PYTHON = """#!/bin/sh
case "$1 $2" in
    "-c "*) echo "/usr 3.13.0" ;;
    "--version "*) echo "Python 3.13.0" ;;
    "-m venv") mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; cp "${0%python}pip" "$4/bin/pip" ;;
esac
"""
PIP = """#!/bin/sh
[ "$*" != "config get global.index-url" ] || echo https://mirror.example/simple
[ "$*" != "config get global.cert" ] || echo "$OF_PIP"
case "$*" in *"install --quiet --disable-pip-version-check --require-hashes --target "*) ;; *) exit ;; esac
[ "$FAILS" != pip ] || exit 1
mkdir "$6/bin"
cp "$UV" "$6/bin/uv"
"""
UV = """#!/bin/sh
case "$*" in "pip install --compile-bytecode "*) printf 'Prepared 1 package in 1s\\n + one==1\\n' >&2 ;; esac
[ "$FAILS" != uv ] || exit 1
echo "$UV_DEFAULT_INDEX" >> "$UV.log"
echo "${SSL_CERT_FILE-$UV_SYSTEM_CERTS}" >> "$UV.cert"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name, text in (("python", PYTHON), ("pip", PIP), ("uv", UV)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o700)
    places = {"PYTHON": tmp_path / "python", "UV": tmp_path / "uv", "VENV": tmp_path / "venv"}
    of_this_machine = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_CERT", "SSL_CERT_FILE", "UV_SYSTEM_CERTS")
    clean = {name: value for name, value in os.environ.items() if name not in of_this_machine}
    return clean | {name: str(path) for name, path in places.items()} | {"FAILS": "nothing", "OF_PIP": ""}


def setup(environ: dict[str, str], status: int = 0) -> subprocess.CompletedProcess[str]:
    return run(SETUP, env=environ, status=status)


def test_setup_reports_progress_and_runs_once(environ: dict[str, str]) -> None:
    first, second = setup(environ), setup(environ)
    assert first.stdout == ""
    made, installed, *progress = first.stderr.splitlines()
    assert made == f"Making {environ['VENV']} with Python 3.13.0 ..."
    assert installed.startswith("Installing the packages ")
    assert progress == ["Prepared 1 package in 1s"]
    assert (second.stdout, second.stderr) == ("", "")


def test_setup_needs_no_tool_of_gnu(environ: dict[str, str], tmp_path: Path) -> None:
    """macOS has no `sha256sum`, and its `sed` neither `-u` nor `\\|`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "chmod", "cp", "dirname", "ls", "mkdir", "mktemp", "rm", "sh"):
        (tools / name).symlink_to(shutil.which(name) or name)
    for name, text in (("shasum", 'cat >/dev/null; echo "$*"'), ("sed", '[ "$1" = -n ] && cat "$3"')):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o700)
    assert setup(environ | {"PATH": str(tools)}).stderr.splitlines()[2:] == ["Prepared 1 package in 1s"]
    assert Path(environ["VENV"], "build.sha256").read_text() == "-a 256\n"


INDEX = "https://mirror.example/simple"  # that of pip's settings


@pytest.mark.parametrize(
    ("own", "index", "trusted"),
    [
        ({}, INDEX, "true"),
        ({"PIP_INDEX_URL": "https://pip.example", "OF_PIP": "/pip.pem"}, "https://pip.example", "/pip.pem"),
        ({"UV_DEFAULT_INDEX": "uv", "PIP_INDEX_URL": "pip", "OF_PIP": "/", "PIP_CERT": "/it"}, "uv", "/it"),
        ({"PIP_CERT": "/its.pem", "SSL_CERT_FILE": "/own.pem"}, INDEX, "/own.pem"),
    ],
)
def test_setup_passes_index_and_certificates_of_pip_to_uv(environ, own, index, trusted):
    setup(environ | own)
    assert set(Path(environ["UV"] + ".log").read_text().split()) == {index}
    assert set(Path(environ["UV"] + ".cert").read_text().split()) == {trusted}
    Path(environ["VENV"], "build.sha256").unlink()
    failed = setup(environ | own | {"FAILS": "uv"}, status=1)
    assert f"uv trusts {trusted if own else 'the certificates of the system'}; " in failed.stderr


@pytest.mark.parametrize("which", ["pip", "uv"])
def test_setup_fails_where_its_tools_fail(environ: dict[str, str], which: str) -> None:
    for _ in range(2):
        assert "Installing the packages" in setup(environ | {"FAILS": which}, status=1).stderr, "not taken for done"


def test_setup_names_the_package_of_a_missing_ensurepip(environ: dict[str, str]) -> None:
    lacking = f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    Path(environ["PYTHON"]).write_text(lacking)
    package = "python{}.{}-venv".format(*sys.version_info)
    assert f"with venv: the package {package} is missing (" in setup(environ, status=1).stderr


def test_demo_starts_the_python_of_venv(environ: dict[str, str]) -> None:
    setup(environ)
    gateway = Path(environ["VENV"], "bin", "gateway")
    gateway.write_text('#!/bin/sh\necho "this one: $*"\n')
    gateway.chmod(0o700)
    assert run(SETUP.with_name("demo"), "--once", env=environ).stdout == "this one: demo --once\n"
