"""`gateway check --deep`: asks the platforms, reads only, and writes down what they send."""

import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

from gateway.communities import read_communities
from gateway.contact.profile import read_profile
from gateway.contact.proposal import propose
from gateway.contact.report import make_report, to_html, to_json, to_text
from gateway.contact.survey import RECORDS, Answer, Survey, Surveyor
from gateway.contact.writing import SWITCHED_BACK, confirmed, try_writes
from gateway.normalise.plausible import code_problem
from gateway.normalise.profile import NO_PROFILE
from gateway.platforms.platforms import make_platforms
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
    """Print the report, and write the files that are asked for. Returns 0, or 1 where a list or record cannot be read.

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
    return 1 if report.stops else 0


async def make_survey(settings: Settings, options: DeepOptions) -> Survey:
    """Ask the platforms. Raises SettingsError."""
    mistakes = Mistakes()
    profile = NO_PROFILE
    with mistakes.collect():
        profile = read_profile(settings)
    with mistakes.collect():
        platforms = make_platforms(settings, profile, reads_by_engine=False)
    with mistakes.collect():
        codes = read_codes(settings, options.communities, options.write)
    mistakes.check()
    survey = Survey(codes, platforms.wire)
    progress = Progress(len(codes) * (4 * options.pages + 2 * RECORDS) + 2 * RECORDS + 12)  # about so many calls
    async with aclosing(platforms):
        surveyor = Surveyor(platforms, survey, options.pause, progress.step)
        await surveyor.run(options.pages)
        if options.write is not None:
            await try_writes(surveyor, options.write)
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
            sys.stderr.write(f"\r[{bar}] {self._made} calls, {answer.platform} {answer.endpoint.name}".ljust(78)[:78])
            sys.stderr.flush()

    def end(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * 78 + "\r")
