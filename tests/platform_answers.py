"""What the sandbox's platforms answer in a test, how often they were called, and what others do there."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.platforms.wjdh import Wjdh
from gateway.repairs import REPAIR_UPDATE, RepairStatus
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.shenhe.record import ShenheStatus
from gateway.shenhe.writes import SHENHE_UPDATE

LOGINS = {("WJDH", "secret"), ("SECURITY", "token")}


def calls(sandbox: Sandbox) -> Counter[str]:
    """The calls of each endpoint, logins left out."""
    return Counter({place[1]: count for place, count in sandbox.counts().items() if place not in LOGINS})


def send(sandbox: Sandbox, platform: str, endpoint: str | None, answer: Any, times: int | None = None) -> None:
    """Have an endpoint answer with these bytes, or with this as JSON."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
    sandbox.faults.set(platform, endpoint, Fault(FaultKind.BODY, body=body), times)


def interpose(sandbox: Sandbox, endpoint: str, act: Callable[[dict[str, str], Callable[[], bytes]], bytes]) -> None:
    """Have `act(form, carry_out)` answer this endpoint of wjdh; `carry_out()` is what it would answer by itself."""
    server: Any = sandbox.wjdh
    execute = server._execute

    def answer(its: Any, request: Any, form: dict[str, str]) -> bytes:
        if its.name != endpoint:
            return execute(its, request, form)
        return act(form, lambda: execute(its, request, form))

    server._execute = answer


def edit_rows(sandbox: Sandbox, edit: Callable[[dict[str, Any]], object], endpoint: str = "order/list") -> None:
    """Have `edit` change each row that an endpoint lists."""

    def edited(_form: dict[str, str], carry_out: Callable[[], bytes]) -> bytes:
        answer = json.loads(carry_out())
        for row in answer["data"]:
            edit(row)
        return json.dumps(answer).encode()

    interpose(sandbox, endpoint, edited)


async def decide(wjdh: Wjdh, number: int, status: ShenheStatus, **more: str) -> None:
    """Give a review this status, as others may who use the platform."""
    await wjdh.succeed(SHENHE_UPDATE, {"id": number, "status": status.wire_code, **more})


async def update_repair(wjdh: Wjdh, number: int, status: RepairStatus, **more: str) -> None:
    """Give a repair this status, as `decide` does."""
    await wjdh.succeed(REPAIR_UPDATE, {"id": number, "status": status.wire_code, **more})
