"""Whether the cost of a request is linear in its rows: lists of one community that has enough orders."""

import json
import re
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat

import httpx
from load import post, run
from measure import PATH
from servers import Sandbox, Server

COMMUNITY = "00001"
ROWS = (20, 100, 500, 2000)
PER_PAGE = 20
LARGEST_FIRST = 100

_FIELDS = (
    "platformId number title feeType amount { yuan } paymentStatus address"  # few, so that twenty lists fit a plan
)
_LABEL = re.compile(r"(\d+)栋(\d+)单元(\d+)楼(\d+)号$")


def add_orders(platforms: Sandbox, count: int) -> None:
    """Charge a house of the community so many times."""
    settings = platforms.settings
    secret = {"secret_id": settings["GATEWAY_WJDH_SECRET_ID"], "secret_key": settings["GATEWAY_WJDH_SECRET_KEY"]}
    with httpx.Client(base_url=settings["GATEWAY_WJDH_URL"], trust_env=False) as client:
        token = client.post("/api/v1/wjdh/secret", data=secret).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        listed = client.post("/api/v1/order/list", data={"xiaoqu": COMMUNITY}).json()["data"]
        place = next(found for row in listed if (found := _LABEL.search(row.get("house") or "")))
        house = dict(zip(("louhao", "danyuan", "louceng", "fangjian"), place.groups(), strict=True))
        order = {"xiaoqu": COMMUNITY, "type": "house", "identifier": json.dumps(house), "title": "物业费"}
        for number in range(count):
            answer = client.post("/api/v1/order/new", data={**order, "amount": f"{100 + number}.25"}).json()
            if answer["code"] != 0:
                raise RuntimeError(f"the sandbox refused an order: {answer}")


def requests(server: Server, rows: int, callers: int) -> list[Iterator[bytes]]:
    """One request for so many rows for each caller, over and over."""
    body = _body(rows)
    return [repeat(post(PATH, body, headers)) for headers in server.callers[:callers]]


async def cost_by_rows(server: Server, rounds: int, count: int) -> list[tuple[int, float]]:
    """Numbers of rows, each with microseconds of CPU of a whole request: medians of rounds that take turns."""
    sending = {rows: requests(server, rows, 1) for rows in ROWS}
    costs: dict[int, list[float]] = {rows: [] for rows in ROWS}
    for number in range(rounds + 1):
        for rows in ROWS:
            load = await run(server.port, server.pid, sending[rows], max(count * ROWS[0] // rows, 3))
            if number:  # the first is the warm-up
                costs[rows].append(load.cpu)
    return [(rows, statistics.median(cpu)) for rows, cpu in costs.items()]


def per_row(costs: Sequence[tuple[int, float]]) -> list[float]:
    """Microseconds that each row costs more than those before: between one number of rows and the next."""
    return [(cpu - less) / (rows - fewer) for (fewer, less), (rows, cpu) in pairwise(costs)]


def _body(rows: int) -> bytes:
    first = min(rows, LARGEST_FIRST)
    lists = [
        f'p{page}: orders(communityCode: "{COMMUNITY}", first: {first}, page: {page}) {{ nodes {{ {_FIELDS} }} }}'
        for page in range(1, rows // first + 1)
    ]
    return json.dumps({"query": f"query Rows {{ {' '.join(lists)} }}"}).encode()
