"""Callers with rights of their own, by tokens of the development issuer."""

import pytest

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.settings import load_settings


@pytest.fixture
def mint(environ):
    """`mint()` is a token for everything; `without` takes scopes away, `communities` names the only ones to see."""

    def mint_one(*scopes, without=(), communities=("*",)):
        issuer = DevelopmentIssuer.open(load_settings(environ))
        return issuer.mint(set(scopes or Scope) - set(without), communities, "lin", 600)

    return mint_one
