"""Valid bearer tokens are accepted, forged and misused ones are refused (RFC 8725, RFC 9068)."""

import pytest
from callers import AUDIENCE, NOW, Signers, claims, sign
from standing_clock import Clock

from gateway.auth.tokens import LEEWAY, TokenVerifier, words
from gateway.errors import UnauthenticatedError


@pytest.mark.parametrize(
    ("kid", "alg"),
    [
        ("rsa", "RS256"),
        ("rsa", "RS384"),
        ("rsa", "RS512"),
        ("rsa", "PS256"),
        ("rsa", "PS384"),
        ("rsa", "PS512"),
        ("ec", "ES256"),
        ("ed", "EdDSA"),
        ("ed", "Ed25519"),
    ],
)
async def test_token_of_each_allowed_algorithm_is_accepted(
    verifier: TokenVerifier, signers: Signers, kid: str, alg: str
) -> None:
    principal = (await verifier.verify(sign(signers.known[kid], claims(), alg))).principal

    assert principal.subject == "lin"
    assert principal.scopes == {"order:read"}
    assert principal.communities == {"10002"}
    assert principal.expires_at == NOW + 600


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
async def test_access_token_types_are_accepted(verifier: TokenVerifier, signers: Signers, typ: str) -> None:
    assert (await verifier.verify(sign(signers.ed, claims(), "EdDSA", typ=typ))).principal.subject == "lin"


async def test_unknown_token_headers_are_ignored(verifier: TokenVerifier, signers: Signers) -> None:
    token = sign(signers.ed, claims(), "EdDSA", **{"x5t": "thumbprint", "pi.atm": "1"})

    assert (await verifier.verify(token)).principal.subject == "lin"


@pytest.mark.parametrize(
    ("named", "scopes"),
    [
        ({"scope": "order:read  pii:read"}, {"order:read", "pii:read"}),
        ({"scope": ["order:read", "pii:read"]}, {"order:read", "pii:read"}),
        ({"scope": None, "scopes": ["order:read"]}, {"order:read"}),
        ({"scope": None, "scopes": "order:read,repair:read"}, {"order:read", "repair:read"}),
        ({"scope": "openid email order:read"}, {"order:read"}),
        ({"scope": "*"}, set()),
        ({"scope": "ORDER:READ order:reads order:"}, set()),
        ({"scope": ""}, set()),
        ({"scope": None}, set()),
    ],
)
async def test_known_scopes_are_read_from_either_claim(
    verifier: TokenVerifier, signers: Signers, named: dict[str, object], scopes: set[str]
) -> None:
    assert (await verifier.verify(sign(signers.ed, claims(**named), "EdDSA"))).principal.scopes == scopes


@pytest.mark.parametrize(
    ("named", "communities"),
    [
        ({"communities": ["10002", "00001"]}, {"10002", "00001"}),
        ({"communities": "10002,00001"}, {"10002", "00001"}),
        ({"communities": None, "community": "00001"}, {"00001"}),
        ({"communities": None, "community": ["00001"]}, {"00001"}),
        ({"communities": ["00001"], "community": "10002"}, {"10002", "00001"}),
        ({"communities": "*"}, None),
        ({"communities": ["*"]}, None),
        ({"communities": []}, set()),
        ({"communities": None}, set()),
    ],
)
async def test_communities_are_read_from_either_claim(
    verifier: TokenVerifier, signers: Signers, named: dict[str, object], communities: set[str] | None
) -> None:
    assert (await verifier.verify(sign(signers.ed, claims(**named), "EdDSA"))).principal.communities == communities


def test_command_line_lists_split_at_commas_and_blanks() -> None:
    assert list(words("order:read, pii:read\trepair:read,,")) == ["order:read", "pii:read", "repair:read"]
    assert list(words("*")) == ["*"]
    assert list(words("", None, [])) == []


async def test_one_of_several_audiences_is_accepted(verifier: TokenVerifier, signers: Signers) -> None:
    token = sign(signers.ed, claims(aud=["account", AUDIENCE]), "EdDSA")

    assert (await verifier.verify(token)).principal.subject == "lin"


@pytest.mark.parametrize("change", [{"exp": NOW - LEEWAY + 1}, {"nbf": NOW + LEEWAY}, {"iat": NOW + LEEWAY}])
async def test_clocks_may_differ_by_the_leeway(
    verifier: TokenVerifier, signers: Signers, change: dict[str, float]
) -> None:
    assert (await verifier.verify(sign(signers.ed, claims(**change), "EdDSA"))).principal.subject == "lin"


async def test_token_expires(verifier: TokenVerifier, signers: Signers, clock: Clock) -> None:
    token = sign(signers.ed, claims(), "EdDSA")
    assert (await verifier.verify(token)).principal.subject == "lin"

    clock.now = NOW + 600 + LEEWAY

    with pytest.raises(UnauthenticatedError):
        await verifier.verify(token)
