"""Asks /healthz all the time, from a process of its own.

    python probe.py PORT

For each line on standard input it prints how long the slowest answer took since the line before, in milliseconds, and
how late the machine woke this process up meanwhile.
"""

import select
import socket
import sys
import time

PAUSE = 0.005


def main(port: int) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    slowest = late = 0.0
    while True:
        begun = time.perf_counter()
        ready, _, _ = select.select([sys.stdin], [], [], PAUSE)
        if not ready:
            late = max(late, time.perf_counter() - begun - PAUSE)
        elif not sys.stdin.readline():
            return
        begun = time.perf_counter()
        connection.sendall(request)
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            raise ConnectionError
        slowest = max(slowest, time.perf_counter() - begun)
        if ready:
            print(f"{slowest * 1000:.0f} {late * 1000:.0f}", flush=True)
            slowest = late = 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]))
