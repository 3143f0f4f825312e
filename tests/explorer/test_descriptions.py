"""The page's words in both languages.

`descriptions.json` has every sentence of the schema's descriptions that says more than its term.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import introspection_from_schema

from gateway.http.explorer import read_examples
from gateway.sandbox.faults import FaultKind
from schema.build import executable_schema

SOURCES = Path(__file__).parents[2] / "scripts/explorer/src"
LANGUAGES = SOURCES / "language"

TERM = re.compile(r"\s*\(([^()]*[\u4e00-\u9fff][^()]*)\)")
BETWEEN_SENTENCES = re.compile(r'(?<=[.!?])\s+(?=[A-Z`"0-9])')
SCOPES = re.compile(r"Needs the scopes? (`[a-z:]+`( and )?)+\.")
HAN = re.compile("[\u4e00-\u9fff]")


def descriptions(value: Any) -> Iterator[str]:
    """Of an introspection, without those of its own types."""
    if isinstance(value, list):
        for item in value:
            yield from descriptions(item)
    elif isinstance(value, dict) and not str(value.get("name")).startswith("__"):
        if value.get("description"):
            yield value["description"]
        yield from descriptions(list(value.values()))


def says_no_more(sentence: str, term: str) -> bool:
    """Whether the term alone stands for the sentence that it is in: a short one, or a term that is as long."""
    words = len(sentence.split())
    return (words <= 7 and not re.search("[,;:]", sentence)) or len(HAN.findall(term)) >= words


def sentences(description: str) -> Iterator[str]:
    """Those that need words of their own in Chinese, as `describeInChinese` of the page looks them up."""
    text = " ".join(description.split())
    bracketed = TERM.search(text)
    first, *others = BETWEEN_SENTENCES.split(text.replace(bracketed[0], "", 1) if bracketed else text)
    if not (bracketed and says_no_more(first, bracketed[1])):
        yield first
    yield from (sentence for sentence in others if not SCOPES.fullmatch(sentence))


def test_every_description_has_its_chinese_sentences() -> None:
    """Write a new sentence's Chinese into descriptions.json, by its English without the term in brackets."""
    known = json.loads((LANGUAGES / "descriptions.json").read_text(encoding="utf-8"))
    used = {
        sentence
        for description in descriptions(introspection_from_schema(executable_schema()))
        for sentence in sentences(description)
    }
    assert used - known.keys() == set(), "without Chinese"
    assert known.keys() - used == set(), "not in the schema any more"
    assert [english for english, chinese in known.items() if not HAN.search(chinese)] == []


def test_every_example_has_its_comment_in_both_languages() -> None:
    for example in read_examples():
        comments = [line for line in example.query.splitlines() if line.startswith("#")]
        english = [line for line in comments if line.startswith("# ")]
        chinese = [line for line in comments if line.startswith("#zh ")]
        assert english, example.english
        assert HAN.search("".join(chinese)), example.english
        assert comments == english + chinese, "the Chinese comment follows the English one"


def keys(language: str) -> set[str]:
    text = (LANGUAGES / f"{language}.js").read_text(encoding="utf-8")
    return set(re.findall(r"^  '?([\w.]+)'?: ", text, re.MULTILINE))


def test_both_languages_have_every_word_of_the_page() -> None:
    asked = {
        key
        for path in SOURCES.rglob("*.js*")
        for key in re.findall(r"\b(?:t|say)\('([\w.]+)'", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 50
    assert asked | {f"faultKind.{kind}" for kind in FaultKind} <= keys("english")
    assert keys("english") == keys("chinese")
