"""The hash chains over the audit trail and the operations, as they are written (ADR 23).

Each row of the audit trail, and each change of an operation, has an entry in a chain, written in the same transaction:
after a crash there are both, or neither. The digest of an entry covers the one before it, so no entry can be altered,
removed, put in or moved without all later digests, and the anchors exported since, becoming wrong.

    content = H(JSON of the row's columns, but for its id, for null, and for `check_at` of operations)
    digest  = H(JSON of [digest before, trail, sequence, at, change, row id, algorithm, content])

JSON is UTF-8 without blanks, the keys of objects sorted, times in UTC with Z, digests in hexadecimal. Before the first
entry stands the digest of [trail, name, begun_at, rows_before, salt] of the chain's head. A column that a later version
adds is null in earlier rows, which keep their content.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from gateway.journal.database import insert_new
from gateway.journal.records import Trail
from gateway.journal.tables import audit, chain, chain_heads

WRITTEN, WITHDRAWN, ADOPTED = "WRITTEN", "WITHDRAWN", "ADOPTED"
"""Changes besides the states of operations: a row of the audit trail; an operation of which nothing was sent, and whose
row is deleted; a row that was there without an entry.
"""

NOT_COVERED = frozenset(("id", "check_at"))
"""The entry names the id; `check_at` is when to look at an operation again, and each look moves it."""

_encode = msgspec.json.Encoder(order="deterministic").encode


def _json(values: object) -> bytes:
    """Text that holds half a surrogate pair, as platforms may send it, has no UTF-8: then all of it is escaped."""
    try:
        return _encode(values)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(values, order="deterministic"), separators=(",", ":")).encode()


class Link(NamedTuple):
    """What an entry is about. `content` is the row; None where it has been deleted."""

    change: str
    row_id: str
    content: Row[Any] | None


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a chain as it was once, to be kept elsewhere. `chain` is the chain's name, `digest` in hexadecimal.
    It holds no personal data, and none can be guessed from it: each digest covers random ids, and a random salt.
    """

    trail: Trail
    chain: str
    sequence: int
    digest: str
    at: datetime


def make_digest(algorithm: str, values: object) -> bytes:
    return hashlib.new(algorithm, _json(values)).digest()


def digest_row(algorithm: str, row: Row[Any]) -> bytes:
    """The digest of a row as the database returns it: what it makes of a value counts, not what it was given."""
    columns = zip(row._fields, row, strict=True)
    covered = {name: value for name, value in columns if value is not None and name not in NOT_COVERED}
    return make_digest(algorithm, covered)


def digest_before_first(algorithm: str, head: Row[Any]) -> bytes:
    return make_digest(algorithm, [head.trail, head.name, head.begun_at, head.rows_before, head.salt.hex()])


def entry_digest(previous: bytes, entry: Mapping[str, Any]) -> bytes:
    content = entry["content"]
    names = ("trail", "sequence", "at", "change", "row_id", "algorithm")
    values = [previous.hex(), *(entry[name] for name in names), None if content is None else content.hex()]
    return make_digest(entry["algorithm"], values)


class Chain:
    """Writes entries, by the algorithm of the setting. Those of others stay valid."""

    def __init__(self, algorithm: str, clock: Callable[[], datetime]) -> None:
        self._algorithm = algorithm
        self._clock = clock

    def append(self, connection: Connection, trail: Trail, links: Iterable[Link]) -> None:
        """Add entries, in this order, at the end of a transaction: until that is over, others wait for the head."""
        algorithm, at = self._algorithm, self._clock()
        # All that takes time is done before the head is locked.
        contents = [
            (change, row_id, None if row is None else digest_row(algorithm, row)) for change, row_id, row in links
        ]
        if not contents:
            return
        head = self.lock(connection, trail)
        digest = head.digest or digest_before_first(algorithm, head)
        entries = []
        for sequence, (change, row_id, content) in enumerate(contents, head.sequence + 1):
            entry = {
                "trail": trail,
                "sequence": sequence,
                "at": at,
                "change": change,
                "row_id": row_id,
                "algorithm": algorithm,
                "content": content,
            }
            entry["digest"] = digest = entry_digest(digest, entry)
            entries.append(entry)
        moved = {"of": trail, "last": head.sequence + len(entries), "end": digest}
        if len(entries) == 1 and connection.dialect.name == "postgresql":
            # One way to the server less, while others wait for the head.
            connection.execute(_INSERT_AND_MOVE, moved | {f"new_{name}": value for name, value in entries[0].items()})
        else:
            connection.execute(_INSERT, entries)
            connection.execute(_MOVE, moved)

    def lock(self, connection: Connection, trail: Trail) -> Row[Any]:
        """The head of a chain, which nobody else moves until the transaction ends. A migration makes it; what there is
        without one is covered by nothing.
        """
        head = connection.execute(_LOCK, {"of": trail}).first()
        if head is None:
            new = {
                "trail": trail,
                "name": secrets.token_hex(8),
                "begun_at": self._clock(),
                "salt": secrets.token_bytes(32),
            }
            zero = {"rows_before": 0, "sequence": 0, "digest": b"", "cut_sequence": 0, "cut_previous": b""}
            connection.execute(insert_new(connection, chain_heads), new | zero)
            head = connection.execute(_LOCK, {"of": trail}).one()
        return head

    def cut(self, connection: Connection, trail: Trail, before: str, most: int) -> int:
        """Delete the beginning of a chain of the audit trail with its rows, as far as their ids are `before` this one.

        Returns how many. The last entry of them stays, for the rest to be checked by.
        """
        if connection.execute(select(chain.c.sequence).where(chain.c.trail == trail).limit(1)).first() is None:
            return 0
        head = self.lock(connection, trail)
        entries = connection.execute(
            select(chain.c.sequence, chain.c.row_id, chain.c.digest, chain.c.algorithm)
            .where(chain.c.trail == trail, chain.c.sequence >= head.cut_sequence)
            .order_by(chain.c.sequence)
            .limit(most + 1)
        ).all()
        cut_earlier = 1 if head.cut_sequence else 0
        old = list(takewhile(lambda entry: entry.row_id < before, entries[cut_earlier : cut_earlier + most]))
        if not old:
            return 0
        ends = [*entries[:cut_earlier], *old]
        previous = ends[-2].digest if len(ends) > 1 else digest_before_first(old[0].algorithm, head)
        last = old[-1].sequence
        connection.execute(delete(audit).where(audit.c.id.in_([entry.row_id for entry in old])))
        connection.execute(delete(chain).where(chain.c.trail == trail, chain.c.sequence < last))
        connection.execute(
            update(chain_heads).where(chain_heads.c.trail == trail).values(cut_sequence=last, cut_previous=previous)
        )
        return len(old)


def read_anchors(connection: Connection, at: datetime) -> tuple[Anchor, ...]:
    """The ends of all chains."""
    heads = connection.execute(select(chain_heads).order_by(chain_heads.c.trail))
    return tuple(
        Anchor(trail=Trail(head.trail), chain=head.name, sequence=head.sequence, digest=head.digest.hex(), at=at)
        for head in heads
    )


# Built once: every step of a write executes them.
_LOCK = select(chain_heads).where(chain_heads.c.trail == bindparam("of")).with_for_update()
_MOVE = (
    update(chain_heads)
    .where(chain_heads.c.trail == bindparam("of"))
    .values(sequence=bindparam("last"), digest=bindparam("end"))
)
_INSERT = insert(chain)
_INSERT_AND_MOVE = (
    insert(chain).values({column.name: bindparam(f"new_{column.name}") for column in chain.c}).add_cte(_MOVE.cte())
)
