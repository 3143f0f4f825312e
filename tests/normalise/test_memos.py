"""Memos of parsed texts: small, because on diverse data a large one never hits and costs the core's caches."""

from functools import _lru_cache_wrapper
from importlib import import_module
from pkgutil import iter_modules

import gateway.normalise


def test_memos_of_texts_hold_256_each() -> None:
    modules = [import_module(f"gateway.normalise.{module.name}") for module in iter_modules(gateway.normalise.__path__)]
    memos = {memo for module in modules for memo in vars(module).values() if isinstance(memo, _lru_cache_wrapper)}
    sizes = [size for memo in memos if (size := memo.cache_parameters()["maxsize"])]  # others are of declarations
    assert len(sizes) >= 4
    assert set(sizes) == {256}
