"""Programs that a test runs until they end, and the gateway's commands in its own process."""

import argparse
import os
import subprocess
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any
from unittest.mock import patch

import structlog

from gateway.__main__ import main


def run(*command: object, status: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a program prints that ends with this status; None: with any."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120}
    ended = subprocess.run([*map(str, command)], check=False, **pipes | options)
    assert status in (None, ended.returncode), f"{ended.stdout}{ended.stderr}"
    return ended


def call(environ: Mapping[str, str], *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """What `gateway` prints with nothing set but these variables, without the second that a process takes to start."""
    printed, complaints, logging = StringIO(), StringIO(), structlog.get_config()
    language = patch.object(argparse, "_", vars(argparse)["_"])  # which a command in Chinese replaces
    with patch.dict(os.environ, environ, clear=True), language, redirect_stdout(printed), redirect_stderr(complaints):
        try:
            ended = main(arguments)
        except SystemExit as end:
            ended = int(end.code or 0)
        finally:
            structlog.configure(**logging)
    assert ended == status, f"{printed.getvalue()}{complaints.getvalue()}"
    return subprocess.CompletedProcess(arguments, ended, printed.getvalue(), complaints.getvalue())
