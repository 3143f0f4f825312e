"""Secrets that development makes for itself: one private file each in the data directory.

Every process that shares the directory reads the same secret, whichever of them made it.
"""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from gateway.settings import SettingsError


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in this file, made if there is none. Raises SettingsError when others can read it, or nobody can."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, make())
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SettingsError(f"GATEWAY_DATA_DIR: {path.name} must be readable by its owner alone (chmod 600)")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"GATEWAY_DATA_DIR: {path.name} cannot be kept there ({error.strerror})") from error


def _create(path: Path, secret: bytes) -> None:
    """Written aside and linked into place: nobody sees half of it, and of several processes one wins."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(file, "wb") as stream:
            stream.write(secret)
            stream.flush()
            os.fsync(file)
        os.link(aside, path)
    except FileExistsError:
        pass  # another process was first: its secret is the secret
    finally:
        aside.unlink()
