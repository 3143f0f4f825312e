#!/usr/bin/env -S .venv/bin/python
"""CPU of executing the benchmark's queries over records in memory and writing their JSON: no sockets, no platforms.

    benchmarks/plans.py [--rows 20] [--rounds 200] [--repeat 7]

The queries are those of `benchmarks/harness/queries` (list, typed_list, fan_out), `ids` (the node ids of the
orders) and `count` (one number: what every request costs), for a caller with all scopes. Prints the best of the repeats
in microseconds per request, by a compiled plan and by graphql-core; then what the first requests of a document that
nobody has seen cost: its text is parsed, validated, its scopes collected, and it is executed.
"""

import argparse
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop

from gateway.actions.audit import AuditTrail
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.context import RequestContext
from gateway.execution.documents import Documents
from gateway.execution.executor import Executor
from gateway.execution.limits import Limits
from gateway.execution.load import Load
from gateway.http.guard import GuardedExecutor
from gateway.journal.audit import Audit
from gateway.journal.journal import utc_now
from gateway.loaders.lists import ORDERS
from gateway.loaders.loader import RecordLoader
from gateway.loaders.paging import Slice
from gateway.loaders.record_list import RecordList
from gateway.loaders.slices import SliceKey
from gateway.normalise import records, vocabulary
from gateway.normalise.house import HouseOwner
from gateway.normalise.order import Order
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.shenhe_content import ShenheContent, ShenheHouse, ShenhePeople
from gateway.ops.collector import settle_collector
from schema.build import executable_schema, get_scopes, revealed_types

_FILES = (Path(__file__).parent / "harness" / "queries").glob("*.graphql")
QUERIES = {file.stem: file.read_text() for file in sorted(_FILES)}
QUERIES["count"] = "query Count($communityCode: ID!) { orders(communityCode: $communityCode) { totalCount } }"
QUERIES["ids"] = "query Ids($communityCode: ID!) { orders(communityCode: $communityCode) { nodes { id } } }"

OCCUPANT = next(iter(vocabulary.OccupantType))
VARIABLES = {"communityCode": "10002"}
IDS = NodeIds(b"bench")
LIMITS = Limits(tokens=2_000, depth=12, aliases=100, root_fields=10, directives=20)
TYPES = revealed_types(executable_schema())
TRAIL = AuditTrail(Audit(None), IDS, TYPES, timedelta(days=1), utc_now)  # type: ignore[arg-type] # nothing is written
PRINCIPAL = Principal("bench", frozenset(Scope), None, time.time() + 3600)


class Canned(RecordLoader[Any, Any]):
    """A loader that has every value already."""

    def __init__(self, value: Callable[[Any], Any]) -> None:
        super().__init__()
        self._value = value

    async def load_level(self, keys: Sequence[Any]) -> list[Any]:
        return [self._value(key) for key in keys]


class CannedLoaders:
    """The loaders of one request that the queries ask, each made on first use, as `gateway.loaders.registry` does."""

    def __init__(self, bench: "Bench") -> None:
        self.source = SimpleNamespace(trace=None)
        self._bench = bench
        self._lists: dict[RecordList[Any], Canned] = {}

    def slice(
        self, records: RecordList[Any], codes: tuple[str, ...], query: Any, offset: int, first: int, *_: Any
    ) -> Load[SliceKey, Slice[Any]]:
        loader = self._lists.get(records)
        if loader is None:
            bench = self._bench
            loader = self._lists[records] = Canned(bench.read_orders if records is ORDERS else bench.read_reviews)
        return Load(loader, SliceKey(codes, query, offset, first))

    @cached_property
    def house_owner(self) -> Canned:
        return Canned(owner)


class Bench:
    def __init__(self, rows: int) -> None:
        self.schema = executable_schema()
        self._orders = Slice(tuple(map(order, range(rows))), 0, rows, rows)
        self._reviews = Slice(tuple(map(review, range(rows))), 0, rows, rows)

    def read_orders(self, _key: Any) -> Slice[Order]:
        return self._orders

    def read_reviews(self, _key: Any) -> Slice[Shenhe]:
        return self._reviews

    def context(self) -> RequestContext:
        nothing: Any = None
        loaders: Any = CannedLoaders(self)
        args: Any = (PRINCIPAL, loaders, nothing, nothing, IDS, nothing, TRAIL, nothing, "bench")
        return RequestContext(*args, communities={}, sizes=nothing)

    def requests(self, plans: bool) -> Callable[[str], Awaitable[bytes]]:
        """A function that answers a document, as the HTTP edge does between the body's JSON and the answer's."""
        documents = Documents(self.schema, LIMITS, 512, get_scopes=get_scopes)
        executor = GuardedExecutor(Executor(self.schema, plans=plans), self.schema, get_scopes)

        async def request(text: str) -> bytes:
            response = await executor.execute(documents.prepare(text), None, VARIABLES, self.context())
            return response.to_bytes()

        return request


def order(n: int) -> Order:
    return Order(
        platform_id=n,
        community_code="10002",
        number=f"2026{n:016d}",
        title="物业费",
        fee_type=vocabulary.FeeType.PROPERTY,
        amount=records.Money("120.50", 12050, "¥120.50"),
        payment_status=vocabulary.PaymentStatus.PAID if n % 2 else vocabulary.PaymentStatus.UNPAID,
        status=vocabulary.OrderStatus.OPEN,
        remark="二月" if n % 2 else None,
        shop_number=f"8{n:019d}" if n % 2 else None,
        address=f"10002小区1号楼1单元1层{n % 10 + 101}室",
    )


def review(n: int) -> Shenhe:
    moment = datetime(2026, 11, 1, 8, n % 60, tzinfo=timezone(timedelta(hours=8)))
    person = ShenhePeople(
        name="李明",
        phone=f"199000{n:05d}",
        sex=vocabulary.Sex.MALE,
        nation="汉族",
        birth_date=date(1990, 1, 1 + n % 28),
        registered_address="北京市朝阳区",
        id_card=f"99930219900101{n:04d}",
        political_status=vocabulary.PoliticalStatus.PARTY_MEMBER,
        is_veteran=False,
        receives_subsistence_allowance=False,
        is_petitioner=False,
        job_name="教师",
        company_name="学校",
        user_id=n,
        review=("10002", n),
    )
    house = ShenheHouse(
        community_code="10002",
        building=1,
        unit=2,
        floor=3,
        room=301,
        role=vocabulary.ResidentRole.OWNER,
        status=vocabulary.HouseStatus.SELF_OCCUPIED,
        use=next(iter(vocabulary.HouseUse)),
        ownership=next(iter(vocabulary.HouseOwnership)),
        occupant_type=OCCUPANT,
        review=("10002", n),
    )
    return Shenhe(
        platform_id=n,
        community_code="10002",
        type=next(iter(vocabulary.ShenheType)),
        status=vocabulary.ShenheStatus.PENDING,
        submitted_read=(ShenheContent(user_id=n, people=person, house=house, raw="{}", review=("10002", n)), ()),
        house_introduction="10002小区1号楼2单元3层301室",
        action_introduction="申请入住",
        created_at=moment,
        updated_at=moment,
    )


def owner(key: records.HouseKey) -> HouseOwner:
    return HouseOwner(phone=f"199000{key.room:05d}", role=vocabulary.ResidentRole.OWNER, occupant_type=OCCUPANT)


async def repeated(request: Callable[[str], Awaitable[bytes]], text: str, rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        await request(text)
    return (time.process_time() - start) / rounds * 1e6


async def new(request: Callable[[str], Awaitable[bytes]], text: str) -> list[float]:
    """Milliseconds of the first three requests of a document."""
    costs = []
    for _ in range(3):
        start = time.process_time()
        await request(text)
        costs.append((time.process_time() - start) * 1e3)
    return costs


def distinct(text: str, number: int) -> str:
    """A document of its own: every leaf has an alias, so that nothing but the schema is known of it."""
    fields = re.sub(r"\b(\w+)(?=\s+[\w}])", rf"a{number}\1: \1", text[text.index("{") :])
    return text[: text.index("{")] + fields


def line(name: str, values: list[float]) -> str:
    return f"{name:14}" + "".join(f"{value:14.2f}" for value in values)


async def main(rows: int, rounds: int, repeat: int) -> None:
    bench = Bench(rows)
    settle_collector()
    requests = {"plan": bench.requests(plans=True), "graphql-core": bench.requests(plans=False)}
    print(f"{'µs':14}" + "".join(f"{name:>14}" for name in requests))
    for name, text in QUERIES.items():
        for _ in range(3):
            first, second = [await request(text) for request in requests.values()]
            if first != second or b'"errors"' in first:
                raise SystemExit(f"{name}: the answers differ, or fail: {first[:200]!r}")
        best = []
        for how, request in requests.items():
            count = rounds if how == "plan" else rounds // 10 + 1
            best.append(min([await repeated(request, text, count) for _ in range(repeat)]))
        print(line(name, best))
    request = bench.requests(plans=True)
    print(f"\n{'new, ms':14}" + "".join(f"{name:>14}" for name in ("first", "second", "third")))
    for name, text in QUERIES.items():
        trials = [await new(request, distinct(text, number)) for number in range(repeat * 3)]
        print(line(name, [min(costs) for costs in zip(*trials, strict=True)]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    uvloop.run(main(options.rows, options.rounds, options.repeat))
