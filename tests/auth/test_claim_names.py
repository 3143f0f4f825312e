"""What tokens of issuers may differ in: the names of claims, and a missing `typ`."""

from pathlib import Path

import pytest
from callers import AUDIENCE, ISSUER, Signers, claims, jwks, sign
from standing_clock import Clock

from gateway.auth.authenticator import Authenticator, open_authenticator
from gateway.auth.principal import Principal
from gateway.auth.refusals import InvalidTokenError
from gateway.auth.tokens import find_claim
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings


@pytest.fixture
def one(signers: Signers, tmp_path: Path) -> Settings:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(*signers.known.values()))
    return Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=str(path))


def changed(settings: Settings, **changes: object) -> Settings:
    return type(settings)(**{name: getattr(settings, name) for name in settings.__struct_fields__} | changes)


async def caller(authenticator: Authenticator, token: str) -> Principal:
    return await authenticator.authenticate(f"Bearer {token}")


async def reason(authenticator: Authenticator, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await authenticator.authenticate(f"Bearer {token}")
    cause = refused.value.__cause__ or refused.value
    assert isinstance(cause, InvalidTokenError)
    return str(cause.reason)


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("scope", "scopes", "scp"), {"scp": "order:read"}),
        (("scope", "scopes", "scp"), {"scp": ["order:read", "openid"]}),
        (("roles",), {"roles": ["order:read"]}),
        (("realm_access.roles",), {"realm_access": {"roles": ["order:read", "offline_access"]}}),
        (("resource_access.wanjia.roles",), {"resource_access": {"wanjia": {"roles": "order:read"}}}),
        (("https://example.org/scopes",), {"https://example.org/scopes": "order:read"}),
        (("roles", "scp"), {"roles": None, "scp": "order:read"}),
    ],
)
async def test_scopes_come_from_the_claims_named(
    one: Settings, signers: Signers, clock: Clock, names: tuple[str, ...], given: dict[str, object]
) -> None:
    authenticator = open_authenticator(changed(one, auth_scope_claims=names), clock)
    token = sign(signers.ed, claims(scope=None, **given), "EdDSA")
    assert (await caller(authenticator, token)).scopes == {"order:read"}


async def test_only_the_claims_named_grant_communities_and_scopes(
    one: Settings, signers: Signers, clock: Clock
) -> None:
    settings = changed(one, auth_scope_claims=("roles",), auth_community_claims=("tenant.codes",))
    for tenant, communities in (("10002", set()), ({"codes": ["10002"]}, {"10002"})):
        token = sign(signers.ed, claims(scope="pii:read", communities=["00001"], tenant=tenant, roles=None), "EdDSA")
        found = await caller(open_authenticator(settings, clock), token)
        assert (found.scopes, found.communities) == (set(), communities)


async def test_named_claim_of_a_wrong_type_is_refused(one: Settings, signers: Signers, clock: Clock) -> None:
    authenticator = open_authenticator(changed(one, auth_scope_claims=("realm_access.roles",)), clock)
    token = sign(signers.ed, claims(realm_access={"roles": {"order:read": True}}), "EdDSA")
    assert await reason(authenticator, token) == "claims"


@pytest.mark.parametrize(("needs", "typ", "refused"), [(True, None, "header"), (False, "logout+jwt", "typ")])
async def test_typ_is_checked_where_it_is_needed_or_there(
    one: Settings, signers: Signers, clock: Clock, needs: bool, typ: str | None, refused: str
) -> None:
    authenticator = open_authenticator(changed(one, auth_require_typ=needs), clock)
    assert await reason(authenticator, sign(signers.ed, claims(), "EdDSA", typ=typ)) == refused


async def test_token_without_typ_is_accepted_by_option(one: Settings, signers: Signers, clock: Clock) -> None:
    authenticator = open_authenticator(changed(one, auth_require_typ=False), clock)
    assert (await caller(authenticator, sign(signers.ed, claims(), "EdDSA", typ=None))).subject == "lin"


def test_whole_name_comes_before_the_path() -> None:
    given = {"a.b": 1, "a": {"b": 2, "c": {"d": 3}}, "x": "text"}
    assert [find_claim(given, name) for name in ("a.b", "a.c.d", "a.c.d.e", "x.y", "z")] == [1, 3, None, None, None]
