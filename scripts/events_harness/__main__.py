"""Breaks connections and gateways at random under a subscriber. `scripts/events_test --help`."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent.parent / "kill_harness"))

from findings import Change, Outage, faults
from processes import GatewayProcess
from subscriber import Subscriber

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.node_ids import read_id_key
from gateway.journal.journal import open_journal
from gateway.journal.records import SHENHE_CHANGED
from gateway.loaders.event_streams import Cursors
from gateway.sandbox.server import Sandbox
from gateway.settings import load_settings

CODE = "10002"
PENDING, APPROVED = 2, 1
MOST_PENDING = 60
INTERVAL = 0.1
FIRST_NUMBER = 10_000
PATIENCE = 60.0
"""Seconds in which what is bound to happen happens."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--breaks", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=10, help="every so many breaks is a restart of the gateway")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.randrange(10_000) if options.seed is None else options.seed
    return asyncio.run(run(options.breaks, options.restarts, random.Random(seed), seed))


async def run(breaks: int, restarts: int, chance: random.Random, seed: int) -> int:
    begun = monotonic()
    async with Sandbox() as sandbox:
        with tempfile.TemporaryDirectory() as directory:
            environ = {**sandbox.settings(), "GATEWAY_DATA_DIR": directory, "GATEWAY_WATCH_INTERVAL": str(INTERVAL)}
            gateway = GatewayProcess(environ, Path(directory) / "log")
            await gateway.start()
            token = DevelopmentIssuer.open(load_settings(environ)).mint(["*"], ["*"], "developer", 24 * 3600)
            subscriber = Subscriber(gateway.url, token, CODE)
            following = asyncio.create_task(subscriber.run())
            applicants = Applicants(sandbox, chance)
            applying = asyncio.create_task(applicants.run())
            outages = []
            await until(lambda: subscriber.received)  # the first cursor to go on from
            for number in range(1, breaks + 1):
                await asyncio.sleep(chance.random() * 0.3)
                if number % restarts == 0:
                    came = len(subscriber.received)
                    outages.append(await restart(gateway, chance))
                    await until(lambda came=came: len(subscriber.received) > came)
                else:
                    subscriber.drop()
            # What comes first after a restart may have been noted before: the gateway watches once it notes a new one.
            before = len(applicants.changes)
            await until(lambda: has_come(subscriber, *(change.number for change in applicants.changes[before:])))
            applying.cancel()
            last = applicants.apply()
            await until(lambda: has_come(subscriber, last))
            following.cancel()
            subscriber.drop()
            await gateway.stop()
            async with open_journal(load_settings(environ)) as journal:
                noted, _ = await journal.events.after(0, 1_000_000)
            cursors = Cursors(read_id_key(load_settings(environ)))
    events = [event for event in noted if event.topic == SHENHE_CHANGED]
    changes = [change for change in applicants.changes if change.at > datetime.fromisoformat(subscriber.received[0].at)]
    found = faults(subscriber.received, events, changes, outages, cursors)
    gaps = sum(each.missed for each in subscriber.received)
    came = {each.number for each in subscriber.received}
    lost = sum(change.number not in came for change in changes)
    print(
        f"seed {seed}: {breaks} breaks, {len(outages)} of them restarts ({gateway.kills} with -9), "
        f"{subscriber.connections} connections, {len(subscriber.received)} events received of {len(events)} noted, "
        f"{gaps} with missed, {len(changes)} applications, {lost} of them while nobody watched; "
        f"{len(found)} faults, {monotonic() - begun:.0f} s"
    )
    for fault in found:
        print(f"  {fault}")
    return 1 if found else 0


def has_come(subscriber: Subscriber, *numbers: int) -> bool:
    """Whether an event of one of these applications has."""
    return any(each.number in numbers for each in subscriber.received)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def restart(gateway: GatewayProcess, chance: random.Random) -> Outage:
    begin = datetime.now(UTC)
    if chance.random() < 0.5:
        await gateway.kill()
    else:
        await gateway.stop()
    await asyncio.sleep(chance.random() * 0.5)
    await gateway.start()
    return Outage(begin, datetime.now(UTC))


class Applicants:
    """People apply all the time, and somebody decides at the platform."""

    def __init__(self, sandbox: Sandbox, chance: random.Random) -> None:
        self.changes: list[Change] = []
        self._sandbox = sandbox
        self._chance = chance

    async def run(self) -> None:
        while True:
            self.apply()
            await asyncio.sleep(self._chance.random() * 0.3)

    def apply(self) -> int:
        """The number of the new application. Where many wait, the oldest is decided."""
        world = self._sandbox.world
        waiting = [review for review in world.shenhes_of[CODE] if review.status == PENDING]
        if len(waiting) > MOST_PENDING:
            waiting[0].status = APPROVED
        number = FIRST_NUMBER + len(self.changes)
        world.shenhes[number] = review = replace(waiting[-1], id=number)
        world.shenhes_of[CODE].append(review)
        self.changes.append(Change(number, datetime.now(UTC)))
        return number


if __name__ == "__main__":
    sys.exit(main())
