"""The check: tries both platforms with the settings, one row an endpoint. Reads only; a write is never called."""

import asyncio
import logging
import sys
from collections.abc import Iterable

import structlog

from gateway.platforms.platforms import open_platforms
from gateway.platforms.probe import Probe
from gateway.settings import Settings

HEAD = ("platform", "endpoint", "reachable", "token", "answer", "time")


async def check(settings: Settings) -> int:
    """Print the table and what went wrong.

    Returns 0 when both platforms are set up and every endpoint that was tried answered in the protocol, else 1.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # this tells it all
    async with open_platforms(settings) as platforms:
        rows = []
        for name, client in (("wjdh", platforms.wjdh), ("security", platforms.security)):
            probes = await asyncio.gather(*map(client.probe, client.endpoints))
            rows += [(name, probe) for probe in probes]
    _print([HEAD, *(_row(name, probe) for name, probe in rows)])
    sys.stdout.write('\nThe calls ask for what does not exist, so a refusal such as "code 1" is as good as OK.\n')
    problems = [f"{name}: not set" for name in settings.not_set_up]
    problems += [f"{name} {probe.problem}" for name, probe in rows if probe.problem is not None]
    sys.stdout.writelines(f"{problem}\n" for problem in dict.fromkeys(problems))
    return 1 if problems else 0


def _row(platform: str, probe: Probe) -> tuple[str, ...]:
    return (
        platform,
        probe.endpoint,
        _word(probe.reachable),
        _word(probe.token),
        probe.answer or "not tried",
        "-" if probe.seconds is None else f"{probe.seconds * 1000:.0f} ms",
    )


def _word(value: bool | None) -> str:
    return "-" if value is None else "yes" if value else "no"


def _print(rows: Iterable[tuple[str, ...]]) -> None:
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
