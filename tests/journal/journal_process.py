"""Another gateway's journal, in a process of its own: what the tests start, stop and kill.

journal_process.py DATA_DIR DATABASE_URL COMMAND [ARGUMENT ...]
"""

import asyncio
import resource
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from gateway.errors import JournalError
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import PaymentQuery
from gateway.ops.logs import configure_logs
from gateway.settings import Settings


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 # the test reads it


async def begin(journal: Journal) -> None:
    """Begin a write; then hang as if the answer were on its way."""
    reservation = await journal.operations.reserve(
        key="sent", subject="officer", mutation="approveShenhe", fingerprint="f", community_code="10002"
    )
    await journal.operations.mark_sent(reservation.operation)
    say("begun")
    await asyncio.Event().wait()


async def fill(journal: Journal, largest_file: str) -> None:
    """Receive, eight at a time, until no file may grow any more; then ask whether the journal can be written, until it
    cannot; say what is there, then with room again.
    """
    await journal.payments.receive("order-first", "shop", "weixin-first", subject="platform")
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest_file), resource.RLIM_INFINITY))
    acknowledged = 1
    numbers = count()

    async def intake() -> JournalError:
        nonlocal acknowledged
        try:
            for number in numbers:
                await journal.payments.receive(f"order-{number}", "s" * 2000, f"weixin-{number}", subject="platform")
                acknowledged += 1
        except JournalError as error:
            return error
        raise AssertionError

    async def ask() -> JournalError:
        try:
            while True:
                await journal.ping()
        except JournalError as error:
            return error

    say(*{error.message for error in await asyncio.gather(*(intake() for _ in range(8)))})
    say((await ask()).message)
    say(acknowledged, await journal.payments.count(PaymentQuery()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.ping()
    await journal.payments.receive("order-last", "shop", "weixin-last", subject="platform")
    say(await journal.payments.count(PaymentQuery()))


COMMANDS: dict[str, Callable[..., Awaitable[None]]] = {function.__name__: function for function in (begin, fill)}


async def main(data_dir: str, database_url: str, command: str, *arguments: str) -> None:
    configure_logs()
    settings = Settings(data_dir=Path(data_dir), database_url=database_url, journal_timeout=5.0)
    async with open_journal(settings) as journal:
        say("open")
        await COMMANDS[command](journal, *arguments)


asyncio.run(main(*sys.argv[1:]))
