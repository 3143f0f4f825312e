"""What trying one endpoint showed: a row of `gateway check`."""

import msgspec


class Probe(msgspec.Struct, frozen=True):
    """One endpoint tried. None: not tried (a write, or an endpoint that is not there), or not reached that far.

    `answer` is "OK", or the public code of what went wrong (`UPSTREAM_TIMEOUT`, `NOT_CONFIGURED`, ...); `seconds` is
    wall time. `problem` says what went wrong, and with which endpoint: the login's, perhaps. A refusal is none.
    """

    endpoint: str
    reachable: bool | None
    token: bool | None
    answer: str | None
    seconds: float | None
    problem: str | None = None
