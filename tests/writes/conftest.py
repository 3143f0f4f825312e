"""What the tests of the write side share: a gateway whose clock is moved, and what becomes of its writes."""

import pytest
from standing_clock import MovedClock
from write_cases import OPERATION


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def short_calls(environ: dict[str, str]) -> None:
    """A call that hangs ends after half a second."""
    environ["GATEWAY_CALL_TIMEOUT"] = "0.5"


@pytest.fixture
async def gateway(environ, serve, clock):
    async with serve(environ, clock) as served:
        yield served


@pytest.fixture
def settle(gateway, clock):
    """`await settle(payload)`: its operation once no platform works on it any more, and the reconciler has looked."""

    async def settle(payload, **later):
        clock.advance(**later or {"minutes": 5})
        await gateway.parts.reconciler.reconcile_due()
        return (await gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]

    return settle
