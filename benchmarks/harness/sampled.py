"""The gateway with a sampler in it, run by `layers` instead of `gateway serve`.

A timer of CPU time interrupts it; each time counts for the layer that the innermost known file belongs to. What C code
spends (JSON, parsers, system calls) counts for the Python function that called it, or that is called next.

SIGUSR1 starts counting anew, SIGUSR2 prints the counts as a line of JSON.
"""

import gc
import json
import signal
import sys
from collections import Counter
from types import FrameType

from gateway.__main__ import main

INTERVAL = 0.001
"""Seconds of CPU time; the kernel may round it up to its tick."""

GARBAGE = "garbage collection"
LOOP = "event loop, reading from sockets"

LAYERS = (
    (__file__, GARBAGE),
    ("/gateway/platforms/envelope.py", "answers: JSON, envelope"),
    ("/gateway/platforms/", "calls: form, token, HTTP engine"),
    ("/gateway/ops/", "calls: form, token, HTTP engine"),
    ("/gateway/normalise/", "rows to records"),
    ("/gateway/loaders/", "loaders, shared reads"),
    ("/gateway/cache.py", "loaders, shared reads"),
    ("/gateway/in_flight.py", "loaders, shared reads"),
    ("/gateway/actions/audit", "caller, context"),
    ("/aiodataloader/", "loaders, shared reads"),
    ("/gateway/execution/response.py", "answer to JSON"),
    ("<plan of ", "plan, resolvers"),
    ("/gateway/execution/", "plan, resolvers"),
    ("/schema/", "plan, resolvers"),
    ("/strawberry/", "plan, resolvers"),
    ("/graphql/", "plan, resolvers"),
    ("/gateway/auth/", "caller, context"),
    ("/gateway/app.py", "caller, context"),
    ("/gateway/context.py", "caller, context"),
    ("/gateway/http/server/", "edge: HTTP, writing to the socket"),
    ("/gateway/http/", "edge: GraphQL over HTTP"),
    ("/starlette/", "edge: Starlette"),
)
"""Parts of file names, the first that fits decides."""

counts: Counter[str] = Counter()
layers: dict[str, str | None] = {}


def layer_of(file: str) -> str | None:
    if file not in layers:
        layers[file] = next((layer for part, layer in LAYERS if part in file), None)
    return layers[file]


def sample(_signal: int, frame: FrameType | None) -> None:
    while frame is not None:
        layer = layer_of(frame.f_code.co_filename)
        if layer is not None:
            counts[layer] += 1
            return
        frame = frame.f_back
    counts[LOOP] += 1


def collected(_phase: str, _info: object) -> None:
    """Where the interruptions during a garbage collection are met, as there is no other Python code in it."""


def restart(_signal: int, _frame: FrameType | None) -> None:
    counts.clear()


def report(_signal: int, _frame: FrameType | None) -> None:
    sys.stdout.write(json.dumps(dict(counts)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, restart)
    signal.signal(signal.SIGUSR2, report)
    signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    gc.callbacks.append(collected)
    main(["serve"])
