"""`gateway replay`: serves a recording as a sandbox, or runs the parsers over it."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.loaders.issues import records_with_issues
from gateway.normalise.house import parse_owner
from gateway.normalise.module import parse_module_states, parse_modules
from gateway.normalise.order import parse_order_page
from gateway.normalise.people import parse_people
from gateway.normalise.profile import use_profile
from gateway.normalise.records import Page
from gateway.normalise.repair import parse_repair, parse_repair_page
from gateway.normalise.shapes import FirstPageError, ShapeError
from gateway.normalise.shenhe import parse_shenhe, parse_shenhe_page
from gateway.platforms.answer import Head, RawAnswer
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.profile import read_profile
from gateway.recording.folder import Exchange, RecordingError, read_folder
from gateway.sandbox.recorded import RecordedPlatform, RecordedSandbox
from gateway.settings import Settings, SettingsError

Parse = Callable[[Exchange, Envelope], Any]


def _page(parse: Callable[[Mapping[str, object], str, int], Page[Any]], community: str) -> Parse:
    def parse_exchange(exchange: Exchange, envelope: Envelope) -> Page[Any]:
        number = exchange.form.get("page", "")
        return parse(envelope.body, exchange.form.get(community, ""), int(number) if number.isdecimal() else 1)

    return parse_exchange


def _data(parse: Callable[[object], Any]) -> Parse:
    return lambda _exchange, envelope: parse(envelope.body.get("data"))


PARSERS: Mapping[str, Parse] = {
    "shenheList": _page(parse_shenhe_page, "community_identifier"),
    "order/list": _page(parse_order_page, "xiaoqu"),
    "repair/list": _page(parse_repair_page, "xiaoqu"),
    "shenhe": _data(lambda data: parse_shenhe(data, None)),
    "repair": _data(lambda data: parse_repair(data, None)),
    "modules": lambda exchange, envelope: parse_modules(envelope.body.get("data"), exchange.form.get("xiaoqu", "")),
    "people": _data(parse_people),
    "owner": _data(parse_owner),
    "modules-sync": _data(parse_module_states),
}


class Tally(msgspec.Struct):
    """What came of the exchanges of one endpoint."""

    exchanges: int = 0
    rows: int = 0
    refused: int = 0
    busy: int = 0
    unreadable: Counter[str] = msgspec.field(default_factory=Counter)
    issues: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """By field and problem."""


def tally(exchanges: Iterable[Exchange]) -> dict[str, Tally]:
    """Run the parsers over exchanges. By platform and endpoint."""
    tallies: dict[str, Tally] = {}
    for exchange in exchanges:
        found = tallies.setdefault(f"{exchange.platform} {exchange.endpoint}", Tally())
        found.exchanges += 1
        try:
            _add(found, exchange)
        except (BadAnswerError, ShapeError) as error:
            found.unreadable[str(error)] += 1
        except BusyAnswerError:
            found.busy += 1
        except RecursionError:
            found.unreadable["nested too deeply"] += 1
    return tallies


def _add(found: Tally, exchange: Exchange) -> None:
    headers = [(name.encode(), value.encode()) for name, value in exchange.headers.items()]
    envelope = open_envelope(RawAnswer(Head(exchange.status, headers), exchange.body))
    parse = PARSERS.get(exchange.endpoint)
    if envelope.code not in (None, 0):
        found.refused += 1
    elif parse is not None:
        try:
            value = parse(exchange, envelope)
        except FirstPageError:  # a platform that turns no pages: the profile says so
            found.refused += 1
            return
        found.rows += _rows(value)
        for _record, _community, issues in records_with_issues(value):
            found.issues.update((issue.field, issue.problem.value) for issue in issues)


def _rows(value: Any) -> int:
    if isinstance(value, Page):
        return len(value.items)
    return len(value) if isinstance(value, tuple | dict) else int(value is not None)


def check_recording(settings: Settings, folder: Path) -> int:
    """Print what the parsers make of a recording. Returns 0, or 1 where an answer cannot be read at all.

    Raises SettingsError.
    """
    use_profile(read_profile(settings))
    tallies = tally(_read(folder))
    for name, each in tallies.items():
        counts = f"{each.exchanges} exchanges, {each.rows} rows, {each.refused} refused, {each.busy} busy"
        sys.stdout.write(f"{name}: {counts}, {each.issues.total()} data issues\n")
        sys.stdout.writelines(
            f"  {count} x {field} {problem}\n" for (field, problem), count in sorted(each.issues.items())
        )
        sys.stdout.writelines(
            f"  {count} x cannot be read: {reason}\n" for reason, count in sorted(each.unreadable.items())
        )
    return 1 if any(each.unreadable for each in tallies.values()) else 0


async def serve_recording(folder: Path, wjdh_port: int, security_port: int) -> int:
    """Serve until SIGINT or SIGTERM. Prints the settings, one NAME=value a line, once both platforms listen; what was
    asked for in vain at the end. Returns 0. Raises SettingsError.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with RecordedSandbox(_read(folder), wjdh_port, security_port) as sandbox:
            sys.stdout.writelines(f"{name}={value}\n" for name, value in sandbox.settings().items())
            sys.stdout.flush()
            await stopped.wait()
            _report_missed(sandbox.wjdh, sandbox.security)
    except OSError as error:
        raise SettingsError(f"--wjdh-port, --security-port: cannot listen: {error.strerror}") from None
    return 0


def _report_missed(*platforms: RecordedPlatform) -> None:
    for platform in platforms:
        sys.stderr.writelines(f"not recorded, {count} x: {what}\n" for what, count in platform.missed.most_common())


def _read(folder: Path) -> list[Exchange]:
    """Raises SettingsError."""
    try:
        return [*read_folder(folder)]
    except RecordingError as error:
        raise SettingsError(str(error)) from None
