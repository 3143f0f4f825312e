"""Every error that a test receives has its message in Chinese."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def require_chinese(errors: Iterable[Mapping[str, Any]]) -> None:
    """Of entries of `errors`, whichever way they came."""
    for error in errors:
        assert _CHINESE.search(error["extensions"]["messageZh"]), error
        for violation in error["extensions"].get("violations", ()):
            assert _CHINESE.search(violation["messageZh"]), error
