"""Every error that a test receives has a code of the contract, and its message in Chinese."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.wording.codes import ErrorCode

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}")


def require_chinese(errors: Iterable[Mapping[str, Any]]) -> None:
    """Of entries of `errors`, whichever way they came."""
    for error in errors:
        assert ErrorCode(error["extensions"]["code"])
        for said in (error["extensions"], *error["extensions"].get("violations", ())):
            assert _CHINESE.search(said["messageZh"]), error
            assert not _ENGLISH.search(said["messageZh"]), error
