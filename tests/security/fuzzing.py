"""Generated requests: random bytes, valid requests gone wrong, and queries made from the schema's grammar."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from http.client import parse_headers
from io import BytesIO
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema, nodes

from gateway.http.explorer import read_examples
from schema.build import export_sdl

PATIENCE = 30.0
LONGEST = 3000

QUERIES = (
    *(example.query for example in read_examples()),
    "{ viewer { subject scopes communityCodes } platforms { name endpoints { name circuit } } }",
    "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
    "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { outcome userErrors { code field } } }",
    """mutation { setModule(input: { communityCode: "10002", name: REPAIRS, enabled: true }) { outcome } }""",
    "subscription { paymentEvents { cursor } }",
)
VARIABLES: dict[str, Any] = {
    "community": "10002",
    "ids": ["AZOmUmVwYWlypTEwMDAyAd11BazaUfwf0pSb1hqtg7o", "3"],
    "input": {
        "communityCode": "10002",
        "title": "物业费",
        "amount": "12.30",
        "idempotencyKey": "k",
        "payer": {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}},
    },
}
ODD_BYTES = tuple(
    text.encode("utf-8", "surrogateescape")
    for text in (
        *("\0", "\udcff", "\udced\udca0\udc80", "\\ud800", "\r\n", '"', "{", "}", "[", "]", ",", ":", "$", "...", "@"),
        *("null", "1e999", "-0", "9" * 40, "晨", "😀", "query", "fragment", '"""', "#"),
    )
)
ODD_VALUES: Sequence[Any] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 10**40, 1.5),
    *("", "0", "null", "\0", "晨", "😀", [], {}),
)
HEADERS = (
    *("accept", "accept-encoding", "accept-language", "authorization", "connection", "content-encoding"),
    *("content-type", "cookie", "expect", "forwarded", "origin", "range", "referer", "te", "traceparent"),
    *("upgrade", "x-forwarded-for", "x-http-method-override", "x-request-id", "x-unknown"),
)
HEADER_VALUES = (
    *("application/json", "application/graphql-response+json", "*/*", "text/html", "gzip", "br", "null", "close"),
    *("text/event-stream", "keep-alive", "websocket", "Bearer a.b.c", "Bearer", "https://evil.example", "trailers"),
    *("application/json; charset=utf-8", "application/json;q=0.5, */*;q=nan", "bytes=0-", "100-continue"),
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")
PATHS = ("/graphql", "/graphql/", "/", "/metrics", "/healthz", "/readyz", "/callbacks/token", "/callbacks/payment")


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, bytes]
    body: bytes


def random_requests(seed_: int, count: int) -> Iterator[Request]:
    rng = Random(seed_)
    mutated = (mutated_body, mutated_query, mutated_variables, mutated_form)
    kinds = (random_bytes, random_json, *mutated, random_headers, random_query_string, random_address)
    for _ in range(count):
        yield rng.choice(kinds)(rng)


def posted(body: bytes, **headers: bytes) -> Request:
    return Request("POST", "/graphql", {"content-type": b"application/json", **headers}, body)


def valid(rng: Random) -> dict[str, Any]:
    return {"query": rng.choice(QUERIES), "variables": dict(VARIABLES)}


def random_bytes(rng: Random) -> Request:
    return posted(rng.randbytes(rng.randrange(rng.choice((8, 64, LONGEST)))))


def random_json(rng: Random) -> Request:
    return posted(json.dumps(random_value(rng, 5), ensure_ascii=rng.random() < 0.5).encode())


def random_value(rng: Random, depth: int) -> Any:
    kind = rng.randrange(4 if depth else 2)
    if kind == 2:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 3:
        names = ("query", "variables", "operationName", "extensions", "id", "", "a")
        return {rng.choice(names): random_value(rng, depth - 1) for _ in range(rng.randrange(4))}
    return rng.choice(ODD_VALUES) if kind else rng.choice(QUERIES)


def mutated_body(rng: Random) -> Request:
    return posted(mutated(rng, json.dumps(valid(rng), ensure_ascii=rng.random() < 0.5).encode()))


def mutated_query(rng: Random) -> Request:
    """Well-formed JSON about a document that is not."""
    body = valid(rng)
    body["query"] = mutated(rng, body["query"].encode()).decode(errors="replace")
    return posted(json.dumps(body).encode())


def mutated_variables(rng: Random) -> Request:
    """A valid document with values of any kind."""
    body = valid(rng)
    place, value = rng.choice((body["variables"], body, dict(VARIABLES["input"]))), random_value(rng, 3)
    if place is not body and place is not body["variables"]:
        body["variables"]["input"] = place
    place[rng.choice([name for name in place if name != "query"])] = value
    return posted(json.dumps(body).encode())


def mutated_form(rng: Random) -> Request:
    form = b"key_k=sandbox-callback-k&key_d=sandbox-callback-d&order_number=1&shop_number=2&weixin_number=3&token=1.a.b"
    headers = {"content-type": b"application/x-www-form-urlencoded"}
    return Request("POST", rng.choice(("/callbacks/token", "/callbacks/payment")), headers, mutated(rng, form))


def mutated(rng: Random, data: bytes) -> bytes:
    """Some bytes changed, left out, put in, repeated or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0:
                changed[at : at + 1] = rng.randbytes(1)
            case 1:
                del changed[at : at + rng.randrange(1, 10)]
            case 2:
                changed[at:at] = rng.choice(ODD_BYTES)
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(1, 50)]
            case 4:
                changed[at : at + 4] = rng.choice(ODD_BYTES)
            case 5 if rng.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def random_headers(rng: Random) -> Request:
    request = posted(json.dumps(valid(rng)).encode())
    for _ in range(rng.randrange(1, 5)):
        printable = bytes(
            rng.choice((rng.randrange(32, 127), rng.randrange(128, 256))) for _ in range(rng.randrange(40))
        )
        forged = mutated(rng, b"Bearer eyJhbGciOiJub25lIn0.e30.")
        value = rng.choice((rng.choice(HEADER_VALUES).encode(), printable, forged))
        request.headers[rng.choice(HEADERS)] = bytes(byte for byte in value if byte not in b"\r\n\0")
    return request


def random_query_string(rng: Random) -> Request:
    body = valid(rng)
    query = quote(body["query"]) if rng.random() < 0.5 else quote(mutated(rng, body["query"].encode()))
    text = f"query={query}&variables={quote(json.dumps(random_value(rng, 2)))}"
    if rng.random() < 0.3:
        text = "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(60))).replace("#", "")
    return Request("GET", f"/graphql?{text}", {}, b"")


def random_address(rng: Random) -> Request:
    tail = "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(12))) if rng.random() < 0.4 else ""
    return Request(rng.choice(METHODS), rng.choice(PATHS) + tail, {"content-type": b"application/json"}, b"{}")


def grammar_requests(seed_: int, count: int, *, valid: bool = True) -> list[Request]:
    """Operations of the whole schema; not `valid`: each with one mistake."""
    made: list[Request] = []

    unchecked = list(HealthCheck)

    @seed(seed_)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=unchecked
    )
    @given(from_schema(export_sdl(), custom_scalars=SCALARS, mode=Mode.POSITIVE if valid else Mode.NEGATIVE))
    def make(query: str) -> None:
        made.append(posted(json.dumps({"query": query}).encode()))

    make()
    return made


SCALARS = {
    name: st.sampled_from(texts).map(nodes.String)
    for name, texts in {
        "Date": ("2020-11-24", "1987-05-04", "", "2020-13-01"),
        "DateTime": ("2020-11-24T08:30:00+08:00", "x"),
        "Decimal": ("12.30", "0.01", "-1", "1e400", "NaN", ""),
    }.items()
}


class Fuzzer:
    """Sends requests over some connections at once, and counts what comes back."""

    def __init__(self, port: int, token: str, connections: int = 8) -> None:
        self.port = port
        self.statuses: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self.faults: list[tuple[Request, bytes]] = []
        """Requests that were answered with 5xx or not at all, or with an INTERNAL error, and what was said."""
        self._token = token
        self._connections = connections

    async def send(self, requests: Iterable[Request]) -> None:
        waiting = iter(requests)
        await asyncio.gather(*(self._work(waiting) for _ in range(self._connections)))

    async def _work(self, requests: Iterator[Request]) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        for request in requests:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
            status, said, lasts = await self._ask(request, *connection)
            self._count(request, status, said)
            if not lasts:
                connection[1].close()
                connection = None
        if connection is not None:
            connection[1].close()

    async def _ask(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bytes, bool]:
        headers = {"host": b"127.0.0.1", "authorization": b"Bearer " + self._token.encode(), **request.headers}
        lines = [f"{request.method} {request.target} HTTP/1.1".encode("latin-1")]
        lines += [name.encode() + b": " + value for name, value in headers.items()]
        lines.append(b"content-length: %d" % len(request.body))
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + request.body)
                while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 "):
                    pass
                status, answered = int(head.split(b" ", 2)[1]), parse_headers(BytesIO(head.partition(b"\r\n")[2]))
                length = answered["content-length"]
                said = await reader.readexactly(int(length)) if length and request.method != "HEAD" else b""
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            return 0, repr(error).encode(), False
        return status, said, status != 101 and length is not None and answered["connection"] != "close"

    def _count(self, request: Request, status: int, said: bytes) -> None:
        self.statuses[status] += 1
        errors = json.loads(said)["errors"] if said.startswith(b"{") and b'"errors"' in said else []
        codes = {error["extensions"]["code"] for error in errors}
        self.codes.update(codes or {"none"})
        if status == 0 or status >= 500 or "INTERNAL" in codes:
            self.faults.append((request, said))
