"""The results as Markdown."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import QUERIES, Measured, ratio
from rows import per_row
from servers import Server

BASELINE = "mercurius"

Results = Mapping[str, Mapping[str, Measured]]
"""By query and server."""


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, Node.js {node}; load before: {load:.1f}"
    )


def costs(results: Results, servers: Sequence[Server]) -> str:
    """CPU per request of all servers, with the ratio to the baseline where that was measured."""
    lines = [_row("CPU, µs per request", *QUERIES), _row(":--", *["--:"] * len(QUERIES))]
    for server in servers:
        cells = []
        for name in QUERIES:
            measured = results[name][server.name]
            cell = f"{measured.cpu:,.0f}"
            if (baseline := results[name].get(BASELINE)) is not None:
                cell += f" ({ratio(measured, baseline):.2f})"
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


def linearity(measured: Sequence[tuple[int, float]]) -> str:
    """CPU by rows, and what each further row cost."""
    further = ["", *(f"{cost:.2f}" for cost in per_row(measured))]
    lines = [_row("rows", "CPU, µs per request", "µs per row", "µs per further row"), _row(*["--:"] * 4)]
    for (rows, cpu), more in zip(measured, further, strict=True):
        lines.append(_row(f"{rows:,}", f"{cpu:,.0f}", f"{cpu / rows:.2f}", more))
    return "\n".join(lines)


def workers(rates: Mapping[int, float]) -> str:
    """Requests per second by number of workers, and times the rate of one."""
    lines = [_row("workers", "requests/s", "times one"), _row(*["--:"] * 3)]
    lines += [_row(f"{count}", f"{rate:,.0f}", f"{rate / rates[1]:.2f}") for count, rate in rates.items()]
    return "\n".join(lines)


def memory(measured: Sequence[tuple[int, float]]) -> str:
    """Resident memory by requests so far."""
    lines = [_row("requests", "MiB"), _row(*["--:"] * 2)]
    return "\n".join(lines + [_row(f"{requests:,}", f"{size:.1f}") for requests, size in measured])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
