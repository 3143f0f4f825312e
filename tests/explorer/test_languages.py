"""The page's words: each in both languages."""

import re
from pathlib import Path

from gateway.sandbox.faults import FaultKind

LANGUAGES = Path(__file__).parents[2] / "scripts/explorer/src/language"
SOURCES = LANGUAGES.parent


def keys(language: str) -> set[str]:
    text = (LANGUAGES / f"{language}.js").read_text(encoding="utf-8")
    return set(re.findall(r"^  '?([\w.]+)'?: ", text, re.MULTILINE))


def test_both_languages_have_the_same_words() -> None:
    assert keys("english") == keys("chinese")


def test_every_word_the_page_asks_for_exists() -> None:
    asked = {
        key
        for path in SOURCES.rglob("*.js*")
        for key in re.findall(r"\b(?:t|say)\('([\w.]+)'", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 50
    assert asked - keys("english") == set()


def test_every_fault_of_the_sandbox_has_words() -> None:
    assert {f"faultKind.{kind}" for kind in FaultKind} <= keys("english")
