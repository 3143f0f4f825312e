"""Scopes and communities of a principal, and the view that keys shared caches."""

import re
from contextlib import nullcontext

import pytest
from callers import principal
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth.principal import Scope
from gateway.errors import ForbiddenError

SCOPE_SETS = st.frozensets(st.sampled_from([*map(str, Scope)]))
COMMUNITIES = st.none() | st.frozensets(st.sampled_from(["10002", "00001", "00002"]))


def test_first_missing_scope_is_named() -> None:
    caller = principal("order:read")

    caller.require()
    caller.require("order:read")
    with pytest.raises(ForbiddenError) as refusal:
        caller.require("order:read", Scope.PEOPLE_READ, "pii:read")

    assert refusal.value.extensions() == {"code": "FORBIDDEN", "missingScope": "people:read"}


def test_scope_implies_no_other() -> None:
    for scope in Scope:
        caller = principal(scope)
        for other in Scope:
            with nullcontext() if other is scope else pytest.raises(ForbiddenError):
                caller.require(other)
        assert caller.reveals_pii == (scope is Scope.PII_READ)


def test_community_is_visible_only_by_exact_name() -> None:
    caller, everywhere = principal(communities={"00001"}), principal(communities=None)

    assert caller.sees("00001")
    for other in ("1", "0001", "10002", "00001 ", "*", "", None):
        assert not caller.sees(other)
        assert everywhere.sees(other)
    assert (caller.sees_all, everywhere.sees_all) == (False, True)


@settings(deadline=None)
@given(SCOPE_SETS, COMMUNITIES, SCOPE_SETS, COMMUNITIES)
def test_view_is_shared_iff_read_rights_are_equal(
    scopes: frozenset[str],
    communities: frozenset[str] | None,
    other_scopes: frozenset[str],
    other_communities: frozenset[str] | None,
) -> None:
    one = principal(*scopes, communities=None if communities is None else set(communities), subject="one")
    other = principal(
        *other_scopes, communities=None if other_communities is None else set(other_communities), subject="other"
    )
    reads = {scope for scope in Scope if scope.endswith(":read")} - {"trace:read"} | {"shenhe:review"}

    same = one.communities == other.communities and one.scopes & reads == other.scopes & reads

    assert (one.view is other.view) == (one.view == other.view) == same


def test_principal_repr_shows_no_secret() -> None:
    assert re.fullmatch(r"Principal\(subject='lin', scopes=.*, expires_at=[\d.]+\)", repr(principal()))
