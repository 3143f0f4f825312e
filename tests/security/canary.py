"""A caller who asks one small query after the other, from a process of its own, and watches how long each takes.

    python canary.py PORT TOKEN

For each line on standard input it prints the longest answer since the line before, in milliseconds, how late the
machine woke this process up meanwhile, and how many answers there were. An answer that is no answer ends it.
"""

import select
import socket
import sys
import time

QUERY = b'{"query":"{ viewer { subject } }"}'
PAUSE = 0.004


def ask(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.endswith(b"}}}"):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError(answer)
        answer += part
    if b'"subject":"canary"' not in answer:
        raise ConnectionError(answer)


def main(port: int, token: str) -> None:
    head = f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(QUERY)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    longest = late = 0.0
    answers = 0
    while True:
        begun = time.perf_counter()
        ready, _, _ = select.select([sys.stdin], [], [], PAUSE)
        if not ready:
            late = max(late, time.perf_counter() - begun - PAUSE)
        elif not sys.stdin.readline():
            return
        begun = time.perf_counter()
        ask(connection, head.encode() + QUERY)
        longest = max(longest, time.perf_counter() - begun)
        answers += 1
        if ready:
            sys.stdout.write(f"{longest * 1000:.3f} {late * 1000:.3f} {answers}\n")
            sys.stdout.flush()
            longest = late = 0.0
            answers = 0


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
