"""What a person reads at the command line is in Chinese or English, by the locale or `--lang`; what a program reads is
the same in both.
"""

import os
import re
import sys
from pathlib import Path

import pytest
from programs import run

GATEWAY = [sys.executable, "-m", "gateway"]

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"(?!gateway|(?<=gateway ))\b[a-z]{2,} [a-z]{2,}")

COMMANDS = ["", *re.findall(r"^    (\w[\w-]*)  ", run(*GATEWAY, "--help").stdout, re.MULTILINE)]
ACTIONS = ["payments retry", "operations settle", "operations check"]


def in_locale(locale: dict[str, str], *arguments: str, status: int | None = 0) -> str:
    """What a command prints, with nothing set but these variables."""
    ended = run(*GATEWAY, *arguments, env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1"} | locale, status=status)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("command", [*COMMANDS, *ACTIONS])
def test_help_is_in_the_language_of_the_locale(command: str) -> None:
    chinese = in_locale({"LANG": "zh_CN.UTF-8"}, *command.split(), "--help")
    assert not ENGLISH.search(chinese)
    english = in_locale({"LANG": "C.UTF-8"}, *command.split(), "--help")
    assert not CHINESE.search(english)
    assert re.findall(r"--[\w-]+", chinese) == re.findall(r"--[\w-]+", english)


@pytest.mark.parametrize(
    ("locale", "arguments", "is_chinese"),
    [
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, [], True),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, [], False),
        ({"LC_ALL": "", "LANG": "zh_TW.UTF-8"}, [], True),
        ({"LANG": "en_US.UTF-8"}, ["--lang", "zh"], True),
        ({"LANG": "zh_CN.UTF-8"}, ["--lang=en"], False),
    ],
)
def test_option_decides_then_the_locale(locale: dict[str, str], arguments: list[str], is_chinese: bool) -> None:
    assert bool(CHINESE.search(in_locale(locale, "payments", *arguments, "--help"))) is is_chinese


@pytest.mark.parametrize(
    "words",
    [
        "serve --workers 0",
        "operations settle 1",
        "operations settle 1 --applied --not-applied --note x",
        "operations settle 1 --applied",
        "check --token nothing",
        "audit --since x",
        "token --ttl x",
        "payments --state x",
        "token --ttl",
        "operations check",
        "migrate --nothing",
        "nothing",
    ],
)
def test_wrong_arguments_are_told_in_chinese(words: str) -> None:
    told = in_locale({}, *words.split(), "--lang", "zh", status=2)
    assert "错误：" in told
    assert not ENGLISH.search(told)


def test_every_mistake_of_a_start_is_told_in_chinese(tmp_path: Path) -> None:
    """In a command of the settings, and in the log of one that reads them anew, which stays English."""
    file = tmp_path / "gateway.env"
    file.write_text("GATEWAY_PORT=s3cr3t\nGATEWAY_RATE_LIMIT='1\nbroken\n")
    file.chmod(0o600)
    told = in_locale({}, "serve", "--lang", "zh", "--env-file", str(file), status=2)
    assert told == (
        f"gateway: GATEWAY_ENV_FILE：{file} 第 2 行：GATEWAY_RATE_LIMIT：引号没有成对\n"
        f"gateway: GATEWAY_ENV_FILE：{file} 第 3 行：须为 NAME=VALUE、以 # 开头的注释或空行\n"
    )
    wrong = {"LANG": "zh_CN.UTF-8", "GATEWAY_PORT": "s3cr3t", "GATEWAY_WJDH_ULR": "s3cr3t", "GATEWAY_CACHE": "s3cr3t"}
    told = in_locale(wrong, "check", status=2)
    assert "GATEWAY_PORT：须为：0 至 65535 的整数\n" in told
    assert "GATEWAY_WJDH_ULR：没有这个设置，已忽略；是否想写 GATEWAY_WJDH_URL？\n" in told
    assert not ENGLISH.search(told)
