"""What the tests of subscriptions share: a gateway that looks often, sockets to it, and tokens."""

import time
from functools import partial

import pytest
from graphql_socket import Connect, connected

from gateway.auth.authenticator import LEEWAY
from gateway.auth.issuer import DevelopmentIssuer
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
    monkeypatch.setattr("gateway.loaders.watch.LINGER", 0)


@pytest.fixture
def connect(gateway) -> Connect:
    """Opens a socket to the gateway, with a token for everything unless another is given; see `connected`."""
    return partial(connected, gateway.url, token=gateway.token)


@pytest.fixture
def almost_over(environ: dict[str, str]) -> str:
    """A token that has 0.3 to 1.3 seconds left: they have whole ones."""
    issuer = DevelopmentIssuer.open(load_settings(environ), lambda: time.time() - LEEWAY + 0.3)
    return issuer.mint(["*"], ["*"], "lin", 1)
