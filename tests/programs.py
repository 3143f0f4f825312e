"""Programs that a test runs until they end."""

import subprocess
from typing import Any


def run(*command: object, status: int | None = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a program prints that ends with this status; None: with any."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120}
    ended = subprocess.run([*map(str, command)], check=False, **pipes | options)
    assert status in (None, ended.returncode), f"{ended.stdout}{ended.stderr}"
    return ended
