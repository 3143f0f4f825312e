"""The commands of the hash chains: check them, export anchors, adopt what an earlier version has written (ADR 23)."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gateway.journal.chain import Anchor
from gateway.journal.chain_check import TrailCheck
from gateway.journal.journal import open_journal
from gateway.settings import Settings

STANDARD = "-"
"""Instead of a file: standard input or output."""


async def write_anchors(settings: Settings, files: Sequence[str]) -> int:
    """Add the ends of all chains to these files, a JSON line each. Returns 0. Raises JournalError, and ValueError where
    a file cannot be written.
    """
    async with open_journal(settings, make=False) as journal:
        anchors = await journal.audit.anchors(datetime.now(UTC))
    lines = "".join(msgspec.json.encode(anchor).decode() + "\n" for anchor in anchors)
    for file in files:
        _append(file, lines)
    return 0


async def verify(settings: Settings, files: Sequence[str]) -> int:
    """Check the audit trail and the operations, against the anchors in these files as well.

    Returns 1 where they are not what was written, else 0. Raises JournalError, and ValueError for a file without
    anchors.
    """
    anchors = [anchor for file in files for anchor in _read_anchors(file)]
    retention = timedelta(days=settings.audit_retention_days)
    async with open_journal(settings, make=False) as journal:
        checks = await journal.check_chains(anchors, retention)
    for check in checks:
        sys.stdout.writelines(f"{check.trail}: {line}\n" for line in _report(check))
    if not checks:
        sys.stdout.write("nothing has been written\n")
    return 1 if any(check.findings for check in checks) else 0


async def adopt(settings: Settings) -> int:
    """Give an entry to each row without one, and report how many. Returns 0. Raises JournalError."""
    count = 0
    async with open_journal(settings, make=False) as journal:
        async for page in journal.adopt():
            count += page.rows
            sys.stdout.writelines(f"operation {changed} is taken as it is now\n" for changed in page.changed)
    sys.stdout.write(f"{count} rows adopted\n")
    return 0


def _report(check: TrailCheck) -> Iterator[str]:
    for finding in check.findings:
        yield f"{finding.harm}: {finding.what}"
    if check.begun_at is None:
        return
    verdict = "as far as it could be read" if check.findings else "as written"
    places = f"places {check.first} to {check.last}" if check.entries else "none yet"
    yield f"{check.entries} entries, {places}, chain {check.name} of {check.begun_at.isoformat()}: {verdict}"
    if check.cut_until is not None:
        yield f"retention has deleted what was before, until {check.cut_until.isoformat()}"
    if check.not_covered:
        yield f"{check.not_covered} rows are of before the chain began, and are not checked"
    if check.adopted:
        yield f"{check.adopted} entries adopt what an earlier version had written: checked from then on"
    if check.anchors or check.anchors_cut:
        yield f"{check.anchors} anchors lie on it, {check.anchors_cut} are of before its first place"


def _append(file: str, lines: str) -> None:
    if file == STANDARD:
        sys.stdout.write(lines)
        return
    try:
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(lines)
    except OSError as error:
        raise _unusable(file, error.strerror) from None


def _read_anchors(file: str) -> list[Anchor]:
    """Those in a file of JSON lines, as `--anchor` writes them or the log has them; other lines of a log are none."""
    try:
        text = sys.stdin.read() if file == STANDARD else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise _unusable(file, getattr(error, "strerror", None) or "it is not UTF-8") from None
    try:
        anchors = list(_anchors_in(text.splitlines()))
    except msgspec.DecodeError as error:
        raise _unusable(file, str(error)) from None
    if not anchors:
        raise _unusable(file, "there is no anchor in it")
    return anchors


def _anchors_in(lines: Iterable[str]) -> Iterator[Anchor]:
    for line in lines:
        if line.strip() and msgspec.json.decode(line, type=_Line).chain is not None:
            yield msgspec.json.decode(line, type=Anchor)


class _Line(msgspec.Struct):
    """A line of a log, or an anchor."""

    chain: str | None = None


def _unusable(file: str, reason: str | None) -> ValueError:
    return ValueError(f"--anchor {file}: {reason}")
