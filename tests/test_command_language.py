"""What a person reads at the command line is in Chinese or English, by the locale or `--lang`; what a program reads is
the same in both.
"""

import re
from pathlib import Path
from uuid import UUID

import pytest
from programs import call

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"(?!gateway|(?<=gateway ))\b[a-z]{2,} [a-z]{2,}")


def in_locale(locale: dict[str, str], *arguments: str, status: int = 0) -> str:
    """What a command prints, with nothing set but these variables."""
    ended = call(locale, *arguments, status=status)
    return ended.stdout + ended.stderr


def test_help_is_in_the_language_of_the_locale() -> None:
    commands = re.findall(r"^    (\w[\w-]*)  ", in_locale({}, "--help"), re.MULTILINE)
    assert len(commands) > 8
    for command in ["", *commands, "payments retry", "operations settle", "operations check"]:
        chinese = in_locale({"LANG": "zh_CN.UTF-8"}, *command.split(), "--help")
        assert not ENGLISH.search(chinese), command
        english = in_locale({"LANG": "C.UTF-8"}, *command.split(), "--help")
        assert not CHINESE.search(english), command
        assert re.findall(r"--[\w-]+", chinese) == re.findall(r"--[\w-]+", english)


@pytest.mark.parametrize(
    ("locale", "arguments", "is_chinese"),
    [
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, [], True),
        ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN.UTF-8"}, [], False),
        ({"LC_ALL": "", "LANG": "zh_TW.UTF-8"}, [], True),
        ({"LANG": "en_US.UTF-8"}, ["--lang", "zh"], True),
        ({"LANG": "zh_CN.UTF-8"}, ["--lang=en"], False),
    ],
)
def test_option_decides_then_the_locale(locale: dict[str, str], arguments: list[str], is_chinese: bool) -> None:
    assert bool(CHINESE.search(in_locale(locale, "payments", *arguments, "--help"))) is is_chinese


WRONG = [
    *("serve --workers 0", "operations settle 1", "operations settle 1 --applied --not-applied --note x"),
    *("operations settle 1 --applied", "check --token nothing", "audit --since x", "token --ttl x"),
    *("payments --state x", "token --ttl", "operations check", "migrate --nothing", "nothing"),
]


def test_wrong_arguments_are_told_in_chinese() -> None:
    for words in WRONG:
        told = in_locale({}, *words.split(), "--lang", "zh", status=2)
        assert "错误：" in told, words
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
    profile, communities = tmp_path / "profile.toml", tmp_path / "communities.txt"
    profile.write_text("[words.OrderStatus]\nX = 3\n[lists.'order/list']\npage_size = 0\n")
    communities.write_text("10002=\n00001=a\n00001=b\n")
    wrong = {"GATEWAY_PROFILE": str(profile), "GATEWAY_COMMUNITIES": str(communities)}
    file.write_text("LANGUAGE=zh\n")
    told = in_locale(wrong, "check", "--env-file", str(file), status=2)
    assert len(re.findall("^gateway: GATEWAY_(?:PROFILE|COMMUNITIES)：", told, re.MULTILINE)) == 4
    assert not ENGLISH.search(told)
    wrong = {"LANG": "zh_CN.UTF-8", "GATEWAY_PORT": "s3cr3t", "GATEWAY_WJDH_ULR": "s3cr3t", "GATEWAY_CACHE": "s3cr3t"}
    wrong["GATEWAY_RETENTION_DAYS"] = "s3cr3t"
    told = in_locale(wrong, "check", status=2)
    assert "GATEWAY_PORT：须为：0 至 65535 的整数\n" in told
    assert "GATEWAY_WJDH_ULR：没有这个设置，已忽略；是否想写 GATEWAY_WJDH_URL？\n" in told
    assert not ENGLISH.search(told)


def test_commands_tell_in_chinese_what_they_find(tmp_path: Path) -> None:
    """The ids, codes and states that documents name stay as they are."""
    told = {"GATEWAY_DATA_DIR": str(tmp_path), "LC_ALL": "zh_CN.UTF-8", "GATEWAY_WJDH_URL": "http://127.0.0.1:1"}
    accounts = ("WJDH_SECRET_ID", "WJDH_SECRET_KEY", "SECURITY_URL", "SECURITY_KEY_K")
    told |= {f"GATEWAY_{name}": "http://127.0.0.1:1" for name in accounts}
    before, status = in_locale(told, "payments", status=2), in_locale(told, "migrate", "--check", status=1)
    checked = in_locale(told, "check", status=1)
    in_locale(told, "migrate")
    token = tmp_path / "token"
    token.write_text(call(told, "token").stdout)
    unclear = in_locale(told, "operations", "check", f"{UUID(int=7)}", status=1)

    assert before == "gateway: GATEWAY_DATABASE_URL / GATEWAY_DATA_DIR 所指之处没有本版本的操作台账。\n"
    assert status.startswith("待执行：0001 ")
    assert checked.startswith("2 个问题：\n  GATEWAY_SECURITY_KEY_D：未设置\n  wjdh secret：无法建立连接。\n\n对象 ")
    assert re.search(r"^操作台账  SQLite +是 +- +待建立 +\d+ ms$", checked, re.MULTILINE)
    assert re.search(r"^wjdh +secret +否 +- +UPSTREAM_UNAVAILABLE +\d+ ms$", checked, re.MULTILINE)
    assert unclear == f"{UUID(int=7)}：不是结果不明的写操作\n"
    assert "令牌有效。\n  权限：" in in_locale(told, "check", "--token", str(token), status=1)
    assert in_locale(told, "payments", "retry", "--all-dead") == "没有 DEAD 的缴费通知\n"
    for words, why in (("payments retry x", "x"), ("token --ttl 0", "有效期"), ("audit --record x", "--record")):
        refused = in_locale(told, *words.split(), status=2)
        assert why in refused
        assert not ENGLISH.search(refused)
