"""`gateway check` as a command: the profile is checked with the settings, and a bar shows on a terminal alone."""

import io

import pytest

from gateway.contact.deep import DeepOptions, Progress, check_deeply
from gateway.contact.quick import check
from gateway.contact.survey import Answer
from gateway.platforms.wjdh import ORDER_LIST, Wjdh
from gateway.settings import SettingsError, load_settings

CALL = Answer("WJDH", ORDER_LIST, "page 1", "10002")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_both_checks_refuse_an_unusable_profile(environ, tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text('[words.RepairStatus]\nOPPEN = ["待修"]\n', encoding="utf-8")
    settings = load_settings(environ | {"GATEWAY_PROFILE": str(path), "GATEWAY_COMMUNITIES": "10002"})

    for trial in (check(settings), check_deeply(settings, DeepOptions(pause=0))):
        with pytest.raises(SettingsError, match=r"GATEWAY_PROFILE: words\.RepairStatus\.OPPEN: .*did you mean OPEN\?"):
            await trial


async def test_deep_check_reports_what_breaks_a_reader(environ, monkeypatch, capsys):
    monkeypatch.setattr(Wjdh, "_page", lambda *_: 1 / 0)
    settings = load_settings(environ | {"GATEWAY_COMMUNITIES": "10002"})
    assert await check_deeply(settings, DeepOptions(pages=1, pause=0)) == 1
    assert "calls failed: INTERNAL (ZeroDivisionError)" in capsys.readouterr().out


def test_bar_shows_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    progress = Progress(2)

    progress.step(CALL)

    assert f"[{'#' * 15}{'.' * 15}] 1 calls, WJDH order/list" in terminal.getvalue()


def test_bar_does_not_show_in_a_file(monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    progress = Progress(2)

    progress.step(CALL)
    progress.end()

    assert written.getvalue() == ""
