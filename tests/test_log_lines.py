"""docs/zh/log-lines.md has every line of the log, every option and every message of the command line, and no other."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.__main__ import _parser

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "zh" / "log-lines.md").read_text(encoding="utf-8")
LEVELS = {name: name for name in ("debug", "info", "warning", "error", "critical")} | {"exception": "error"}
COMPLAINTS = ("SettingsError", "StartError", "_complain")
YIELD_COMPLAINTS = ("settings.py", "env_file.py")
WRITTEN_ELSEWHERE = {"…: no such setting, ignored", "…: must be …"}
"""Put together by `gateway/settings.py` from parts."""


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def text_of(node: ast.AST) -> str | None:
    """A text as the page shows it, with … for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def logged() -> Iterator[tuple[str, str]]:
    """Each line of the log with its level."""
    for path, node in nodes():
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "StateLog":
            texts = [text_of(argument) for argument in node.args]
            yield str(texts[0]), texts[2] if len(texts) > 2 and texts[2] else "warning"
            yield str(texts[1]), "info"
        elif (
            isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS and ast.unparse(node.func.value) == "log"
        ):
            line = text_of(node.args[0])
            assert line or path.name == "state_log.py", f"{path.name}: a line that no page can list"
            if line:
                yield line, LEVELS[node.func.attr]


def complaints() -> Iterator[str]:
    """What commands say of settings, and of why they cannot start."""
    for path, node in nodes():
        said: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in COMPLAINTS:
            said = node.args
        elif isinstance(node, ast.Yield) and path.name in YIELD_COMPLAINTS and node.value:
            said = [node.value]
        for each in said:
            several = each.value if isinstance(each, ast.Starred) else each
            if text := text_of(several.elt if isinstance(several, ast.ListComp) else several):
                yield text


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading, and of the tables below it."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (found,) = (text for text in section if text.startswith(f"{title}\n"))
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\| .+ \|$", found, re.MULTILINE)]


def test_every_line_of_the_log_is_listed() -> None:
    listed = [(row[0].strip("`"), level) for row in rows("日志") if len(row) == 3 for level in row[1].split("、")]
    listed = [line for line in listed if line[1] in LEVELS]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(logged())


def test_every_command_and_option_is_listed() -> None:
    listed: set[tuple[str, str]] = set()
    command = ""
    for first, options, _meaning in rows("命令与选项")[1:]:
        command = first.strip("`") or command
        listed |= {(command, option) for option in re.findall(r"`(--[\w-]+)`", options)} | {(command, "")}
    assert listed == {(command, option) for command, parser in commands() for option in ("", *options_of(parser))}


def commands() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    return within("gateway", _parser())


def within(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """This command, and those below it."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, command in action.choices.items():
                yield from within(f"{name} {word}", command)


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for option in parser._option_string_actions:
        if option.startswith("--") and (option != "--help" or parser.prog == "gateway"):
            yield option


def test_every_message_of_a_command_is_listed() -> None:
    listed = [row[0].strip("`") for row in rows("设置与启动的消息")[1:]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*complaints()} | WRITTEN_ELSEWHERE
