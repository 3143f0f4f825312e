"""The results as Markdown."""

from collections.abc import AsyncIterator, Mapping, Sequence

from measure import QUERIES, Measured, ratio
from servers import Server

BASELINE = "mercurius"

Results = Mapping[str, Mapping[str, Measured]]
"""By query and server."""


def costs(results: Results, servers: Sequence[Server]) -> str:
    """CPU per request of all servers, with the ratio to the baseline where that was measured."""
    lines = [_row("CPU, µs per request", *QUERIES), _row(":--", *["--:"] * len(QUERIES))]
    for server in servers:
        cells = []
        for name in QUERIES:
            measured = results[name][server.name]
            cell = f"{measured.cpu:,.0f}"
            if (compared := results[name].get(BASELINE)) is not None:
                cell += f" ({ratio(measured, compared):.2f})"
            cells.append(cell)
        lines.append(_row(server.name, *cells))
    return "\n".join(lines)


def details(results: Results, servers: Sequence[Server]) -> str:
    """All that was measured of one number of callers."""
    heads = ("query", "server", "CPU µs", "least", "requests/s", "p50 ms", "p99 ms", "upstream calls")
    lines = [_row(*heads), _row(":--", ":--", *["--:"] * 6)]
    for name in QUERIES:
        for server in servers:
            measured = results[name][server.name]
            counts = (f"{value:,.0f}" for value in (measured.cpu, measured.least, measured.rate))
            times = (f"{measured.latency(percent):.2f}" for percent in (50, 99))
            lines.append(_row(name, server.name, *counts, *times, f"{measured.calls:g}"))
    return "\n".join(lines)


def sights(measured: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """CPU (and latency) in milliseconds of a document's first requests."""
    lines = [_row("CPU (p50), ms", "first sight", "second", "third"), _row(":--", *["--:"] * 3)]
    lines += [_row(name, *(f"{cpu:.2f} ({p50:.2f})" for cpu, p50 in times)) for name, times in measured.items()]
    return "\n".join(lines)


async def print_memory(measured: AsyncIterator[tuple[int, float, float]]) -> None:
    """Resident memory by requests so far, each line when it is measured: a million requests take their time."""
    print(_row("requests", "MiB", "minutes"), _row(*["--:"] * 3), sep="\n", flush=True)
    async for requests, size, minutes in measured:
        print(_row(f"{requests:,}", f"{size:.1f}", f"{minutes:.1f}"), flush=True)


async def print_pauses(measured: AsyncIterator[tuple[int, float, float, float]]) -> None:
    """Resident memory and garbage collections by new documents so far, each line when it is measured."""
    print(
        _row("new documents", "MiB", "a second", "longest collection, ms of CPU"),
        _row(*["--:"] * 4),
        sep="\n",
        flush=True,
    )
    async for documents, size, rate, longest in measured:
        print(_row(f"{documents:,}", f"{size:.1f}", f"{rate:.0f}", f"{longest:.1f}"), flush=True)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
