"""The Chinese pages keep in step with the English ones: headings, paragraphs, code, tables, links, figures."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from pages import DOCS, FENCE, HEADING, ROOT, anchor, read_text

AT_THE_ROOT = ("README.md", "CHANGELOG.md", "SECURITY.md")

PAGES = [
    *AT_THE_ROOT,
    *sorted(path.name for path in (DOCS / "zh").glob("*.md") if path.name not in ("index.md", "duty.md")),
]
"""Those with a Chinese version."""

REFERRING = {"desks.md": {"graphql"}}
"""Languages of code that a Chinese page has not: it refers to the English one."""

COMMENT = re.compile(r"(?:^|(?<=\s))(?://|#(?!\{)).*$|/\*\* .*? \*/", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>]+)>")
ROW = re.compile(r"^ *\|(.+)\|$", re.MULTILINE)
ITEM = re.compile(r"^ *(?:[-*]|\d+\.) ", re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.,#-])\d[\d,.]*\d", re.ASCII)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NO_SPACE = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9`]|[A-Za-z0-9`][\u4e00-\u9fff]")

OTHER_TERMS = {
    "日志库": "操作台账",
    "业务台": "工作台",
    "写入记录": "操作记录",
    "写入结果": "写操作结果",
    "怪异": "平台文档的已知问题",
    "应答": "返回，响应",
    "你": "您",
    "支付通知": "缴费通知",
    "遮盖": "脱敏",
    "沙盒": "沙箱",
    "工作进程": "worker",
    "发行者": "签发方",
}
"""What is not to be said, and the term of `gateway/wording/` that is."""

BESIDE_DOCS = [
    *(ROOT / "schema/schema.graphql", ROOT / "scripts/explorer/src/language/chinese.js"),
    *(
        path
        for folder in ("gateway/wording", "gateway/http/examples", "deploy")
        for path in sorted((ROOT / folder).rglob("*.*"))
        if path.suffix in {".py", ".graphql", ".yml", ".json"}
    ),
]
"""What else is read in Chinese."""

QUOTED = re.compile("“[^“”]*”")


class Section(NamedTuple):
    """A heading with what follows it, up to the next one; code blocks left out."""

    page: Path
    level: int
    heading: str
    text: str


def in_english(name: str) -> Path:
    return (ROOT if name in AT_THE_ROOT else DOCS) / name


def in_chinese(name: str) -> Path:
    return ROOT / name.replace(".md", ".zh-CN.md") if name in AT_THE_ROOT else DOCS / "zh" / name


@cache
def sections(page: Path) -> tuple[Section, ...]:
    parts = HEADING.split(FENCE.sub("", read_text(page)))[1:]
    found = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return tuple(Section(page, len(marks), heading, text) for marks, heading, text in found)


def pairs(name: str) -> Iterator[tuple[Section, Section]]:
    """Each section in English and in Chinese, but for those that refer to the English one."""
    both = zip(sections(in_english(name)), sections(in_chinese(name)), strict=True)
    return ((section, counterpart) for section, counterpart in both if f"](../{name}#" not in counterpart.text)


def prose(section: Section) -> str:
    return ROW.sub("", section.text)


def rows(section: Section) -> list[list[str]]:
    found = [re.split(r"(?<!\\)\|", row) for row in ROW.findall(section.text)]
    return [row for row in found if not re.fullmatch(r"[\s:-]+", "".join(row))]


def figures(text: str) -> set[str]:
    """Numbers of two or more digits, which both languages write alike."""
    return set(NUMBER.findall(CODE.sub("", LINK.sub("", text))))


def target(section: Section, link: str) -> str:
    """Where a link leads, whatever the language of the page that has it."""
    if link.startswith("http"):
        return link
    path, _, fragment = link.partition("#")
    page = (section.page.parent / path).resolve() if path else section.page
    name = page.relative_to(ROOT).as_posix().replace("docs/zh/", "docs/").replace(".zh-CN", "").replace("-zh.", "-en.")
    if not fragment:
        return name
    anchors = [anchor(found.heading) for found in sections(page)]
    return f"{name}, heading {anchors.index(fragment)}"


def shape(section: Section) -> tuple[int, int, int]:
    """Its level, its paragraphs, its items."""
    paragraphs = [block for block in re.split(r"\n\s*\n", prose(section)) if block.strip()]
    return section.level, len(paragraphs), len(ITEM.findall(prose(section)))


def cells(section: Section) -> list[list[list[str]]]:
    return [[sorted(CODE.findall(cell)) for cell in row] for row in rows(section)]


def targets(section: Section) -> list[str]:
    return sorted(target(section, page or url) for page, url in LINK.findall(section.text))


def named_code(section: Section) -> list[str]:
    return sorted({" ".join(it.split()).replace(".zh-CN", "") for it in CODE.findall(prose(section))})


by_page = pytest.mark.parametrize("name", PAGES)


@pytest.mark.parametrize("part", [shape, cells, targets, named_code])
@by_page
def test_sections_have_the_same_parts(name: str, part: Callable[[Section], object]) -> None:
    both = [(section.heading, part(section), part(counterpart)) for section, counterpart in pairs(name)]
    assert [f"{heading}: {here} / {there}" for heading, here, there in both if here != there] == []


@by_page
def test_code_is_the_same_but_for_comments(name: str) -> None:
    code = [
        [(language, COMMENT.sub("", block).rstrip()) for language, block in FENCE.findall(read_text(page))]
        for page in (in_english(name), in_chinese(name))
    ]
    assert code[1] == [block for block in code[0] if block[0] not in REFERRING.get(name, ())]


@by_page
def test_columns_that_are_not_translated_are_the_same(name: str) -> None:
    for section, counterpart in pairs(name):
        columns, translated = (list(zip(*rows(it), strict=False)) for it in (section, counterpart))
        for column, same in zip(columns, translated, strict=True):
            if CHINESE.search(column[0]) or same[0].strip() == "英文":
                assert column[1:] == same[1:]


@by_page
def test_no_figure_is_missing(name: str) -> None:
    for section, counterpart in pairs(name):
        assert figures(section.text) - figures(counterpart.text) == set(), section.heading


@by_page
def test_text_is_chinese_and_spaced(name: str) -> None:
    for section in sections(in_chinese(name)):
        assert CHINESE.search(section.text) or not section.text.strip(), section.heading
        assert NO_SPACE.findall(QUOTED.sub("", LINK.sub("]", CODE.sub("``", prose(section))))) == []


@pytest.mark.parametrize("path", [*BESIDE_DOCS, *map(in_chinese, PAGES)], ids=lambda path: path.name)
def test_text_has_the_terms_of_the_messages(path: Path) -> None:
    text = read_text(path)
    assert {term: right for term, right in OTHER_TERMS.items() if term in text} == {}
