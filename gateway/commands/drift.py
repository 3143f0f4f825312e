"""The drift command: what is new in the platforms' answers since the deployment's profile was written."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from gateway.journal.database import JournalInUseError
from gateway.journal.journal import open_journal
from gateway.journal.records import DriftRecord
from gateway.loaders.drift import DriftCopy, copy_beside, unknown
from gateway.normalise.drift import field_path, propose
from gateway.normalise.profile import use_profile
from gateway.normalise.vocabulary import DriftKind
from gateway.profile import read_profile
from gateway.settings import Settings

NOTHING_NEW, SOMETHING_NEW = 0, 1

_SAYS = {
    DriftKind.NEW_WORD: "the word {found}",
    DriftKind.NEW_KEY: "a key that is not documented, of type {found}",
    DriftKind.MISSING_FIELD: "comes no more",
    DriftKind.CHANGED_TYPE: "comes as {found}",
}


async def drift(settings: Settings, *, as_json: bool, since: datetime | None, proposal: str | None) -> int:
    """Print what was seen `since` then and the profile of the settings does not have; write lines for it to the file
    `proposal`. Returns 0 where there is nothing, 1 where there is something.

    Raises SettingsError; JournalError when neither the journal nor its gateway's copy can be read; ValueError where the
    file cannot be written.
    """
    use_profile(read_profile(settings))
    found = [each for each in unknown(await _read(settings)) if since is None or each.last_seen_at >= since]
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(found))
    if proposal is not None:
        _write(Path(proposal), propose(found))
    if not settings.drift_sample:
        sys.stderr.write("gateway: GATEWAY_DRIFT_SAMPLE is 0: nobody looks\n")
    return SOMETHING_NEW if found else NOTHING_NEW


async def _read(settings: Settings) -> list[DriftRecord]:
    try:
        async with open_journal(settings, make=False) as journal:
            return await journal.drift.read()
    except JournalInUseError:
        copy = _read_copy(copy_beside(settings.data_dir))
        if copy is None:
            raise
    sys.stderr.write(f"gateway: as of {copy.at:%Y-%m-%d %H:%M:%S} UTC, by the gateway that is running\n")
    return copy.findings


def _read_copy(path: Path) -> DriftCopy | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=DriftCopy)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


def _lines(found: Sequence[DriftRecord]) -> Iterator[str]:
    if not found:
        yield "Nothing new."
        return
    width = max(len(_place(each)) for each in found)
    for each in found:
        says = _SAYS[each.kind].format(found=each.found)
        seen = f"{each.first_seen_at:%Y-%m-%d %H:%M} to {each.last_seen_at:%Y-%m-%d %H:%M} UTC"
        yield f"{each.kind:<13}  {_place(each):<{width}}  {says}; {each.count} of {each.rows} rows, {seen}"


def _place(drift: DriftRecord) -> str:
    return f"{drift.endpoint} {drift.record}.{field_path(drift.record, drift.key)} ({drift.key})"
