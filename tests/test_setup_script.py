"""`scripts/setup`, with stubs of Python, pip and uv."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("own", "trusted"),
    [
        ({}, "true"),
        ({"OF_PIP": "/pip.pem"}, "/pip.pem"),
        ({"OF_PIP": "/pip.pem", "PIP_CERT": "/its.pem"}, "/its.pem"),
        ({"PIP_CERT": "/its.pem", "SSL_CERT_FILE": "/own.pem"}, "/own.pem"),
    ],
)
def test_setup_passes_the_certificates_of_pip_to_uv(environ: dict[str, str], own: dict[str, str], trusted: str) -> None:
    assert run(environ | own).returncode == 0
    assert set(Path(environ["UV"] + ".cert").read_text().split()) == {trusted}
    Path(environ["VENV"], "build.sha256").unlink()
    failed = run(environ | own | {"FAILS": "uv"})
    assert f"uv trusts {trusted if own else 'the certificates of the system'}; " in failed.stderr


def test_setup_names_the_package_of_a_missing_ensurepip(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "python").write_text(
        f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    )
    refused = run(environ)
    assert refused.returncode == 1
    package = "python{}.{}-venv".format(*sys.version_info)
    assert f"with venv: the package {package} is missing (" in refused.stderr


def test_demo_starts_the_python_of_venv(environ: dict[str, str]) -> None:
    assert run(environ).returncode == 0
    gateway = Path(environ["VENV"], "bin", "gateway")
    gateway.write_text('#!/bin/sh\necho "this one: $*"\n')
    gateway.chmod(0o700)
    shown = subprocess.run(
        [SETUP.with_name("demo"), "--once"], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert shown.stdout == "this one: demo --once\n"
