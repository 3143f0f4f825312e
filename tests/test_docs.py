"""The pages are consistent with the project: links lead somewhere, queries are valid, commands and files exist."""

import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate
from pages import DOCS, FENCE, HEADING, PAGES, ROOT, anchor, blocks, read_text
from programs import call, run

from gateway.auth import keys
from gateway.auth.principal import Scope
from gateway.http.graphql import RECHECK
from schema.build import executable_schema

TEMPLATE = re.compile(r"gql`(.*?)`", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
OUR_COMMAND = re.compile(r"^(?:\.venv/bin/)?gateway(?: |$)")
QUIRK = re.compile(r"quirks? ((?:\d+(?:, | and | to )?)+)", re.IGNORECASE)
OUR_PATH = re.compile(
    r"`((?:gateway|schema|benchmarks|clients|examples|scripts|tests|docs|\.ci)/[\w./*-]+)(?: [^`]*)?`"
)
NAMES_IN_A_FILE = re.compile(r"`([\w/]+/\w+\.py)` \(([^()]+)\)")

EVERYWHERE = {
    *(".venv/bin/pre-commit", "amtool", "cat", "cd", "comm", "cp", "curl", "docker", "git", "journalctl", "kubectl"),
    *("install", "ln", "npm", "openssl", "psql", "pg_dump", "pg_restore", "set", "systemctl"),
    *("systemd-journal-upload", "tail", "useradd"),
}
"""Commands of the shell and of tools that a reader has, or gets with scripts/setup."""

PROJECT = tomllib.loads(read_text(ROOT / "pyproject.toml"))


@cache
def anchors(page: Path) -> set[str]:
    return {anchor(heading) for _, heading in HEADING.findall(FENCE.sub("", read_text(page)))}


def lost_links(page: Path) -> Iterator[str]:
    for link in LINK.findall(FENCE.sub("", read_text(page))):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not link.startswith("https://") and not (target.exists() and (not fragment or fragment in anchors(target))):
            yield link


def unknown_commands(page: Path) -> Iterator[str]:
    for line in shell_lines(page):
        command = line.split()[0].rpartition("=$(")[2]  # may be name=$(command ...)
        if command.startswith(("benchmarks/", "scripts/", ".ci/")):
            if not (ROOT / command).stat().st_mode & 0o100:
                yield command
        elif not OUR_COMMAND.match(line) and command not in EVERYWHERE:
            yield command


def missing_files(page: Path) -> Iterator[str]:
    return (path for path in OUR_PATH.findall(read_text(page)) if not any(ROOT.glob(path.rstrip("/"))))


def lost_names(page: Path) -> Iterator[str]:
    """Those beside a file that are not in it."""
    for file, words in NAMES_IN_A_FILE.findall(read_text(page)):
        yield from (f"{file}: {name}" for name in re.findall(r"`(\w+)`", words) if name not in read_text(ROOT / file))


def invalid_queries(page: Path) -> Iterator[str]:
    documents = [document for block in blocks(page, "js", "ts") for document in TEMPLATE.findall(block)]
    for document in (*documents, *blocks(page, "graphql")):
        yield from (error.message for error in validate(executable_schema(), parse(document)))


@pytest.mark.parametrize("find", [lost_links, unknown_commands, missing_files, lost_names, invalid_queries])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_names_only_what_exists(page: Path, find: Callable[[Path], Iterator[str]]) -> None:
    assert [*find(page)] == []


def shell_lines(page: Path) -> Iterator[str]:
    """The commands in a page's shell blocks: continued lines in one, here-documents left out."""
    for block in blocks(page, "sh"):
        commands = re.sub(r"<<'END'\n.*?^END$", "", block, flags=re.MULTILINE | re.DOTALL).replace("\\\n", " ")
        for line in re.split(r"\n|&&|; ", re.sub(r"'[^']*'", "''", commands)):
            if line.strip() and not line.startswith(("#", ". ")):
                yield line.strip()


def our_commands() -> list[str]:
    """Every `gateway …` that a page shows, in a block or in a line of text, but for what a gateway logs."""
    shown = {line for page in PAGES for line in shell_lines(page) if OUR_COMMAND.match(line)}
    in_text = re.compile(r"`(gateway (?!did not |serves)\w[^`]*)`")
    shown |= {code for page in PAGES for code in in_text.findall(read_text(page))}
    return sorted(shown)


ACTIONS = ("retry", "check", "settle")
"""Of commands that have some."""


def options(text: str) -> set[str]:
    return set(re.findall(r"(--[\w-]+)", text))


@pytest.mark.parametrize("line", our_commands())
def test_every_gateway_command_and_option_exists(line: str) -> None:
    words = re.split(r"gateway ", line, maxsplit=1)[1].split()
    printed = call({}, words[0], *(word for word in words[1:2] if word in ACTIONS), "--help").stdout
    assert options(line) <= options(printed)


def test_every_option_of_the_benchmark_exists() -> None:
    shown = [code for page in PAGES for code in re.findall(r"`(scripts/bench\b[^`]*)`", read_text(page))]
    assert shown
    assert options(" ".join(shown)) <= options(run(sys.executable, ROOT / "benchmarks" / "harness", "--help").stdout)


def test_documented_layers_equal_the_import_contract() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    level = {module: level for level, row in enumerate(contracts[0]["layers"]) for module in re.split(" [|:] ", row)}
    section = read_text(DOCS / "architecture.md").split("\n## ")[1]
    rows = [re.findall(r"`([\w/]+)(?:\.py|/)`", line.split("|")[1]) for line in section.splitlines() if "| `" in line]
    levels = [[level.pop(path.replace("/", ".")) for path in row] for row in rows]
    assert [len(set(row)) for row in levels] == [1] * len(levels)
    assert [row[0] for row in levels] == sorted(row[0] for row in levels)
    assert level == {}


def test_exactly_the_logged_errors_are_explained() -> None:
    table = read_text(DOCS / "architecture.md").split("| Line |")[1].split("\n\n")[0]
    documented = [name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    sources = "".join(read_text(path) for path in (ROOT / "gateway").rglob("*.py"))
    calls = r'log\.(?:error|critical|exception)(?:\(|,)\s*"([^"]+)"'
    states = r'StateLog\("([^"]+)", "[^"]+", "error"\)'
    assert sorted(documented) == sorted({*re.findall(calls, sources), *re.findall(states, sources)})


def test_exactly_the_scopes_are_explained() -> None:
    page = read_text(DOCS / "security.md")
    assert re.findall(r"^\| `(\w+:\w+)` \| ", page, re.MULTILINE) == list(Scope)
    assert len(Scope) == 18  # as ADR 5 says


def test_documented_key_bounds_are_those_in_force() -> None:
    page = read_text(DOCS / "security.md")
    section = page.split("\n### How long a key is trusted\n")[1].split("\n### ")[0]
    young, old = keys.REFRESH_AFTER / 60, keys.OLDEST_KEYS / 60
    assert f"| less than {young:g} minutes ago |" in section
    assert f"| {young:g} to {old:g} minutes ago |" in section
    assert f"by one coalesced request, {keys._FETCH_TIMEOUT:g} seconds at most |" in section
    assert f"requested every {keys._FETCH_INTERVAL:g} seconds; then every token is answered with 503" in section
    assert f"are used for {keys.GRACE / 60:g} minutes more," in section
    assert "event streams end within another minute" in section
    assert RECHECK == 60


async def test_exactly_the_exposed_metrics_are_explained(gateway: Any) -> None:
    await gateway.ask("{ __typename }", token="")
    page = DOCS / "observability.md"
    documented = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) ?\| ", read_text(page), re.MULTILINE)
    exposed = (await gateway.client.get("/metrics")).text
    families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", exposed, re.MULTILINE))
    assert {name: kind for name, kind, _ in documented} == families
    assert len(documented) == len(families)
    labels = {name: set(re.findall(r"`(\w+)`", names)) for name, _, names in documented}
    for sample in re.findall(r"^(\w+?)(?:_bucket|_count|_sum)?\{(.*)\} ", exposed, re.MULTILINE):
        assert set(re.findall(r'(\w+)="', sample[1])) - {"le"} == labels[sample[0]]
    queried = {name for block in blocks(page, "text") for name in re.findall(r"(?:gateway|process)_\w+", block)}
    assert len(queried) > 5
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in queried} <= set(families)


def test_every_cited_quirk_is_documented_once() -> None:
    page = DOCS / "quirks.md"
    documented = [int(number) for number in re.findall(r"^(\d+)\. ", read_text(page), re.MULTILINE)]
    cited: set[int] = set()
    for path in [*PAGES, *(path for part in ("gateway", "schema", "tests") for path in (ROOT / part).rglob("*.py"))]:
        if path != page:
            text = re.sub(r"\s*\n\s*(?:# )?", " ", read_text(path))  # a citation may go over the end of a line
            cited.update(int(number) for group in QUIRK.findall(text) for number in re.findall(r"\d+", group))
    assert documented == [*range(1, len(documented) + 1)]
    assert len(cited) > 100
    assert cited - {*documented} == set()


def test_site_builds_strictly_and_loads_no_other_host(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    run(Path(sys.prefix) / "bin" / "zensical", "build", cwd=tmp_path)
    pages = [read_text(page) for page in (tmp_path / "build" / "site").rglob("*.html")]
    assert len(pages) > 20
    # What a browser fetches with the page: a diagram in Mermaid would have it fetch the program that draws it.
    fetched = re.compile(r'<(?:link|script|img|iframe)[^>]+(?:href|src)="?(?:https?:)?//|class="?mermaid')
    assert [page for page in pages if fetched.search(page)] == []


def test_site_links_every_page() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    navigation = str(tomllib.loads(read_text(ROOT / "zensical.toml"))["project"]["nav"])
    assert set(re.findall(r"'([\w/.-]+\.md)'", navigation)) == pages
    linked: set[str] = set()
    for folder in ("", "adr/", "zh/"):
        index = read_text(DOCS / folder / "index.md")
        linked |= {folder + link.partition("#")[0] for link in LINK.findall(index) if not link.startswith("../")}
    assert linked == pages - {"index.md"}


def test_ci_runs_both_halves_of_readme_test_command() -> None:
    (command,) = re.findall(r"^## Test\n\n```sh\n(.+)\n```", read_text(ROOT / "README.md"), re.MULTILINE)
    halves = re.findall(r"^scripts/\w+", read_text(ROOT / command), re.MULTILINE)
    steps = "".join(read_text(step) for step in (ROOT / ".ci" / "steps").iterdir())
    assert halves == ["scripts/check", "scripts/suite"]
    assert [half for half in halves if half not in steps] == []


def test_changelog_has_an_entry_for_the_version() -> None:
    assert f"\n## [{PROJECT['project']['version']}]" in read_text(ROOT / "CHANGELOG.md")
