"""What the tests of subscriptions share: a gateway that looks often, sockets to it, and tokens."""

import time
from functools import partial

import pytest
from graphql_socket import Connect, Mint, connected

from gateway.auth.issuer import DevelopmentIssuer
from gateway.loaders.watch import Watches
from gateway.settings import load_settings


@pytest.fixture
def extra() -> dict[str, str]:
    """Settings of one test, by parametrization."""
    return {}


@pytest.fixture
def environ(environ: dict[str, str], extra: dict[str, str]) -> dict[str, str]:
    return environ | {"GATEWAY_WATCH_INTERVAL": "0.05"} | extra


@pytest.fixture
def ends_watches_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No list is watched on when its last subscriber has gone."""
    monkeypatch.setattr("gateway.app.Watches", partial(Watches, linger=0))


@pytest.fixture
def connect(gateway) -> Connect:
    """Opens a socket to the gateway, with a token for everything unless another is given; see `connected`."""
    return partial(connected, gateway.url, token=gateway.token)


@pytest.fixture
def mint(environ: dict[str, str]) -> Mint:
    """Makes a token: of all scopes and communities, but for those given. `ended` seconds ago it was at its end."""

    def make(*, scopes: str = "*", communities: str = "*", subject: str = "tester", ended: float | None = None) -> str:
        clock = time.time if ended is None else lambda: time.time() - ended - 1
        issuer = DevelopmentIssuer.open(load_settings(environ), clock)
        return issuer.mint(scopes.split(), communities.split(), subject, 3600 if ended is None else 1)

    return make
