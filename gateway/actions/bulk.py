"""Several writes of one request: a result each, in order, only so many at once, and within the time of the request."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from weakref import WeakValueDictionary

from gateway.actions.write import Write, Written, plan, user_error
from gateway.actions.writer import Run, Writer
from gateway.auth.principal import Principal
from gateway.errors import GatewayError, RateLimitedError, RequestTimeoutError
from gateway.futures import disregard
from gateway.normalise.states import UserErrorCode
from gateway.ops.slots import background
from gateway.ops.trace import METER, Meter
from gateway.wording.writes import WriteWording

SHARE_OF_SLOTS = 4
"""A caller's writes of this kind take at most one in so many of a platform's slots."""

BEGUN_WITHIN = 0.6
ANSWERED_WITHIN = 0.8
"""Of the time that the request has left: so long writes are begun, and waited for. The rest is for what the answer
shows of their records.
"""

NOT_SENT = Written.refused(user_error(UserErrorCode.NOT_SENT, WriteWording.NOT_SENT()))


class BulkWriter:
    """Carries out several writes for a caller. One per process.

    Of one caller, however many requests they send, `at_once` writes are under way at a time; these requests take turns.
    """

    def __init__(self, writer: Writer, slots: int) -> None:
        """`slots`: how many calls a platform takes at once."""
        self.at_once = max(1, slots // SHARE_OF_SLOTS)
        self._writer = writer
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def carry_out(
        self, principal: Principal, writes: Sequence[Write], deadline: float | None, *, dry_run: bool = False
    ) -> list[Written]:
        """A result each, in order; one that fails leaves the others alone. The same object twice is one write.

        `deadline` is when the request ends, by the loop's clock: what is not begun well before is not sent.
        """
        meter = METER.get() or Meter()
        calls = Meter(caller=background(principal.subject), trace=meter.trace)
        context = copy_context()
        context.run(METER.set, calls)
        turns = self._turns.setdefault(principal.subject, asyncio.Semaphore(self.at_once))
        now = asyncio.get_running_loop().time()
        left = None if deadline is None else max(0.0, deadline - now)
        runs: dict[Write, Run] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(left and left * BEGUN_WITHIN):
                for write in dict.fromkeys(writes):
                    await turns.acquire()
                    begin = partial(_plan, write) if dry_run else partial(self._writer.begin, principal, write)
                    runs[write] = run = context.run(begin)
                    disregard(run.task)
                    run.task.add_done_callback(lambda _: turns.release())
        if runs:
            await asyncio.wait([run.task for run in runs.values()], timeout=_until(deadline, left))
        meter.calls += calls.calls
        results = {write: _result(run) for write, run in runs.items()}
        return [results.get(write, NOT_SENT) for write in writes]


def _until(deadline: float | None, left: float | None) -> float | None:
    """Seconds to wait for what has begun."""
    if deadline is None or left is None:
        return None
    return max(0.0, deadline - left * (1 - ANSWERED_WITHIN) - asyncio.get_running_loop().time())


def _plan(write: Write) -> Run:
    run = Run()
    run.task = asyncio.create_task(plan(write))
    return run


def _result(run: Run) -> Written:
    """How a write ended, or stands."""
    if not run.task.done():
        return run.give_up() or NOT_SENT
    try:
        return run.task.result()
    except RequestTimeoutError:
        return NOT_SENT
    except RateLimitedError as error:
        return Written.refused(user_error(UserErrorCode.NOT_SENT, WriteWording.TRY_LATER(reason=error.message)))
    except GatewayError as error:  # nothing was sent of this one
        return Written.refused(user_error(UserErrorCode.UPSTREAM_UNAVAILABLE, error.message))
