"""`gateway check --deep`: asks the platforms, reads only, and writes down what they send."""

import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from gateway.check.asking import Answer, Asker
from gateway.check.propose import propose
from gateway.check.report import make_report, to_html, to_json, to_text
from gateway.check.survey import Survey, Surveyor, count_calls
from gateway.check.writing import SWITCHED_BACK, confirmed, try_writes
from gateway.communities import read_communities
from gateway.normalise.plausible import code_problem
from gateway.normalise.profile import use_profile
from gateway.platforms.platforms import make_platforms
from gateway.profile import read_profile
from gateway.settings import Mistakes, Settings, SettingsError

PAUSE = 0.2
"""Seconds between two calls: a platform has others to serve."""

BAR = 30


class DeepOptions(NamedTuple):
    """`communities` are codes, empty for those of the settings. `json`, `html` and `propose` name files to write.
    `write` is the community whose module and repair are written to, if somebody confirms it.
    """

    communities: Sequence[str] = ()
    pages: int = 3
    pause: float = PAUSE
    json: str | None = None
    html: str | None = None
    propose: str | None = None
    write: str | None = None


async def check_deeply(settings: Settings, options: DeepOptions, ask: Callable[[str], str] = input) -> int:
    """Print the report, and write the files that are asked for. Returns 0, or 1 where no platform answered.

    Raises SettingsError.
    """
    if options.write is not None and not confirmed(options.write, ask):
        sys.stderr.write("gateway: not confirmed, nothing was asked or written\n")
        return 1
    survey = await make_survey(settings, options)
    report = make_report(survey)
    sys.stdout.write(to_text(report))
    for path, content in (
        (options.json, to_json(report)),
        (options.html, to_html(report).encode()),
        (options.propose, propose(survey).encode()),
    ):
        if path is not None:
            _write(path, content)
    if survey.writes.get(SWITCHED_BACK) is False:
        sys.stderr.write(f"gateway: a module of community {options.write} is not as it was: look at its modules\n")
        return 1
    return 0 if any(answer.envelope is not None for answer in survey.answers) else 1


async def make_survey(settings: Settings, options: DeepOptions) -> Survey:
    """Ask the platforms. Raises SettingsError."""
    mistakes = Mistakes()
    with mistakes.collect():
        profile = read_profile(settings)
    with mistakes.collect():
        platforms = make_platforms(settings, reads_by_engine=False)
    with mistakes.collect():
        codes = read_codes(settings, options.communities, options.write)
    mistakes.check()
    use_profile(profile)
    survey = Survey(codes)
    survey.uses_printed_secret = "123456" in (settings.wjdh_secret_id, settings.wjdh_secret_key)
    progress = Progress(count_calls(len(codes), options.pages))
    async with aclosing(platforms):

        def done(answer: Answer) -> None:
            survey.add(answer)
            progress.step(answer)

        wjdh, security = (Asker(client, options.pause, done) for client in (platforms.wjdh, platforms.security))
        await Surveyor(wjdh, security, survey, options.pages).run()
        if options.write is not None:
            await try_writes(wjdh, survey, options.write)
    survey.look_again()
    progress.end()
    return survey


def read_codes(settings: Settings, given: Sequence[str], written: str | None = None) -> list[str]:
    """The communities to ask for: those that are given, else those of the settings. Raises SettingsError."""
    codes = [*(given or read_communities(settings))]
    if not codes:
        raise SettingsError("GATEWAY_COMMUNITIES: needed, or --communities with codes")
    if written is not None:
        codes.append(written)
    problems = [f"--communities: {code!r} {problem}" for code in codes if (problem := code_problem(code)) is not None]
    if problems:
        raise SettingsError(*problems)
    return [*dict.fromkeys(codes)]


def _write(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None


class Progress:
    """A bar on a terminal, and nothing elsewhere."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._made = 0
        self._is_shown = sys.stderr.isatty()

    def step(self, answer: Answer) -> None:
        self._made += 1
        if self._is_shown:
            share = min(self._made / self._expected, 1.0)
            bar = ("#" * round(share * BAR)).ljust(BAR, ".")
            sys.stderr.write(f"\r[{bar}] {self._made} calls, {answer.platform} {answer.endpoint}".ljust(78)[:78])
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * 78 + "\r")
