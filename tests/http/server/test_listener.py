"""The address that several workers share."""

import socket
from contextlib import ExitStack

from gateway.commands.serve import bind


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
        parent = opened.enter_context(bind("127.0.0.1", 0))
        workers = [opened.enter_context(bind(*parent.getsockname())) for _ in range(2)]
        for worker in workers:
            worker.listen(128)
        for _ in range(64):
            opened.enter_context(socket.create_connection(parent.getsockname(), timeout=5))

        counts = [accepted(worker) for worker in workers]

    assert sum(counts) == 64
    assert all(counts)
