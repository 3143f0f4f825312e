"""A caller who asks one small query after the other, from a process of its own, and watches how long each takes.

    python canary.py PORT TOKEN

For each line on standard input it prints the longest answer since the line before, in milliseconds, and how late the
machine woke this process up meanwhile. An answer that is no answer ends it.
"""

import select
import sys
import time
from http.client import HTTPConnection

QUERY = b'{"query":"{ viewer { subject } }"}'
PAUSE = 0.004


def main(port: int, token: str) -> None:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    longest = late = 0.0
    while True:
        begun = time.perf_counter()
        ready, _, _ = select.select([sys.stdin], [], [], PAUSE)
        if not ready:
            late = max(late, time.perf_counter() - begun - PAUSE)
        elif not sys.stdin.readline():
            return
        begun = time.perf_counter()
        connection.request("POST", "/graphql", QUERY, headers)
        answer = connection.getresponse().read()
        if b'"subject":"canary"' not in answer:
            raise ConnectionError(answer)
        longest = max(longest, time.perf_counter() - begun)
        if ready:
            sys.stdout.write(f"{longest * 1000:.3f} {late * 1000:.3f}\n")
            sys.stdout.flush()
            longest = late = 0.0


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
