"""The address that several workers share."""

import pickle
import socket
from contextlib import ExitStack

from gateway.serve import Listener


def accepted(listener: socket.socket) -> int:
    """How many connections wait in this worker's own queue."""
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_connections_are_spread_across_workers() -> None:
    with ExitStack() as opened:
        parent = opened.enter_context(Listener("127.0.0.1", 0))
        handed_over = pickle.dumps(parent)
        workers = [opened.enter_context(pickle.loads(handed_over)) for _ in range(2)]  # noqa: S301 # our own
        for worker in workers:
            worker.listen(128)
        for _ in range(64):
            opened.enter_context(socket.create_connection(parent.getsockname(), timeout=5))

        counts = [accepted(worker) for worker in workers]

    assert sum(counts) == 64
    assert all(counts)
