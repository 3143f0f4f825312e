"""Valid bearer tokens are accepted, forged and misused ones are refused (RFC 8725, RFC 9068)."""

import hmac
import json
from collections.abc import Callable

import pytest
from callers import AUDIENCE, ISSUER, NOW, Signers, claims, sign, sign_raw
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from standing_clock import Clock

from gateway.auth.refusals import REFUSAL
from gateway.auth.tokens import LEEWAY, LONGEST_TOKEN, TokenVerifier, words
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


def _hmac(key: RSAKey | ECKey | OKPKey, digest: str) -> str:
    """A token whose shared secret is what is public of a key, for verifiers that let the token say how to verify."""
    header = {"alg": {"sha256": "HS256", "sha512": "HS512"}[digest], "typ": "at+jwt", "kid": key.kid}
    signed = b".".join(urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims()))
    signature = hmac.digest(key.as_pem(private=False), signed, digest)
    return (signed + b"." + urlsafe_b64encode(signature)).decode()


def _altered(token: str, part: int, **changes: object) -> str:
    """Another header or payload under the same signature."""
    parts = token.split(".")
    members = json.loads(urlsafe_b64decode(parts[part].encode()))
    parts[part] = urlsafe_b64encode(json.dumps({**members, **changes}).encode()).decode()
    return ".".join(parts)


def _good(signers: Signers, **changes: object) -> str:
    return sign(signers.ed, claims(**changes), "EdDSA")


def _with_header(**header: object) -> Callable[[Signers], str]:
    return lambda s: sign(s.ed, claims(), "EdDSA", **header)


def _with_claims(**changes: object) -> Callable[[Signers], str]:
    return lambda s: _good(s, **changes)


def _none_algorithm(name: str) -> Callable[[Signers], str]:
    return lambda s: _altered(_good(s), 0, alg=name).rpartition(".")[0] + "."


ATTACKS: dict[str, Callable[[Signers], str]] = {
    # No signature, or one that is no proof.
    "algorithm none": _none_algorithm("none"),
    "algorithm None": _none_algorithm("None"),
    "algorithm NONE": _none_algorithm("NONE"),
    "no algorithm": lambda s: sign_raw(s.ed, {"typ": "at+jwt", "kid": "ed"}, claims(), "EdDSA"),
    "algorithm is no text": lambda s: sign_raw(s.ed, {"alg": ["EdDSA"], "typ": "JWT"}, claims(), "EdDSA"),
    "empty signature": lambda s: _good(s).rpartition(".")[0] + ".",
    "cut signature": lambda s: _good(s)[:-4],
    "longer signature": lambda s: _good(s) + "AAAA",
    "signature of zeros": lambda s: _good(s).rpartition(".")[0] + "." + "A" * 86,
    "ECDSA signature of zeros": lambda s: sign(s.ec, claims(), "ES256").rpartition(".")[0] + "." + "A" * 86,
    "changed payload": lambda s: _altered(_good(s), 1, sub="admin"),
    "changed header": lambda s: _altered(_good(s), 0, typ="jwt"),
    "signature of another token": lambda s: (
        _good(s, sub="admin").rpartition(".")[0] + "." + _good(s).rpartition(".")[2]
    ),
    # Keys taken for what they are not.
    "HMAC with the RSA public key": lambda s: _hmac(s.rsa, "sha256"),
    "HMAC with the EC public key": lambda s: _hmac(s.ec, "sha512"),
    "HMAC with the Ed25519 public key": lambda s: _hmac(s.ed, "sha256"),
    "HMAC with an obvious secret": lambda s: sign(OctKey.import_key("secret" * 8), claims(), "HS256", kid="ed"),
    "RSA key named, Ed25519 used": lambda s: sign(s.ed, claims(), "EdDSA", kid="rsa"),
    "Ed25519 key named, RSA used": lambda s: sign(s.rsa, claims(), "RS256", kid="ed"),
    "ES384 with a P-256 key": lambda s: _altered(sign(s.ec, claims(), "ES256"), 0, alg="ES384"),
    "curve that is not allowed": lambda _: sign(ECKey.generate_key("secp256k1", {"kid": "ec"}), claims(), "ES256K"),
    "a stranger's key under a known id": lambda s: sign(s.stranger, claims(), "EdDSA"),
    "unknown key id": _with_header(kid="other"),
    "no key id, a stranger's key": lambda s: sign_raw(s.stranger, {"alg": "EdDSA", "typ": "at+jwt"}, claims(), "EdDSA"),
    "key id is a path": _with_header(kid="../../etc/passwd"),
    "key id is no text": _with_header(kid=1),
    # Keys and instructions brought along.
    "embedded key": lambda s: sign(s.stranger, claims(), "EdDSA", jwk=s.stranger.as_dict(private=False)),
    "embedded key, and a known one used": lambda s: sign(s.ed, claims(), "EdDSA", jwk=s.ed.as_dict(private=False)),
    "key set address": _with_header(jku="https://evil.example/jwks"),
    "certificate address": _with_header(x5u="https://evil.example/cert"),
    "certificate chain": _with_header(x5c=["MIIB"]),
    "critical extension": _with_header(crit=["exp"], exp=1),
    "empty critical list": _with_header(crit=[]),
    "unencoded payload": _with_header(b64=False, crit=["b64"]),
    "nested token": _with_header(cty="JWT"),
    "compressed": _with_header(zip="DEF"),
    # Tokens for another purpose.
    "no type": _with_header(typ=None),
    "type of a logout token": _with_header(typ="logout+jwt"),
    "type of a proof": _with_header(typ="dpop+jwt"),
    "type is no text": _with_header(typ=1),
    "another issuer": _with_claims(iss="https://evil.example"),
    "the issuer with a slash": _with_claims(iss=ISSUER + "/"),
    "no issuer": _with_claims(iss=None),
    "issuers in a list": _with_claims(iss=[ISSUER]),
    "another audience": _with_claims(aud="account"),
    "the audience in other letters": _with_claims(aud=AUDIENCE.upper()),
    "no audience": _with_claims(aud=None),
    "empty audience list": _with_claims(aud=[]),
    "audience is an object": _with_claims(aud={AUDIENCE: True}),
    # Time.
    "expired": _with_claims(exp=NOW - LEEWAY),
    "never expires": _with_claims(exp=None),
    "expiry is text": _with_claims(exp=str(NOW + 600)),
    "expiry is true": _with_claims(exp=True),
    "expiry beyond numbers": lambda s: sign(s.ed, json.dumps(claims(exp="")).replace('""', "1e999").encode(), "EdDSA"),
    "expiry is not a number": _with_claims(exp=float("nan")),
    "not yet valid": _with_claims(nbf=NOW + LEEWAY + 1),
    "issued in the future": _with_claims(iat=NOW + LEEWAY + 1),
    # Claims of a wrong shape.
    "no subject": _with_claims(sub=None),
    "empty subject": _with_claims(sub=""),
    "subject is a number": _with_claims(sub=7),
    "endless subject": _with_claims(sub="x" * 256),
    "scopes are an object": _with_claims(scope={"pii:read": True}),
    "scopes are true": _with_claims(scope=True),
    "communities are numbers": _with_claims(communities=[10002]),
    "communities are true": _with_claims(communities=True),
    "payload is a list": lambda s: sign(s.ed, [claims()], "EdDSA"),
    "payload is no JSON": lambda s: sign(s.ed, b"sub=lin", "EdDSA"),
    "payload is empty": lambda s: sign(s.ed, b"", "EdDSA"),
    "payload is no UTF-8": lambda s: sign(s.ed, b'{"sub":"\xff"}', "EdDSA"),
    "payload nested too deep": lambda s: sign(s.ed, b"[" * 3000, "EdDSA"),
    # No token at all.
    "empty": lambda _: "",
    "dots": lambda _: "..",
    "two parts": lambda s: _good(s).rpartition(".")[0],
    "four parts": lambda s: _good(s) + ".AAAA",
    "encrypted token": lambda _: "e30.e30.e30.e30.e30",
    "words": lambda _: "let me in",
    "header is no base64": lambda s: "%%%." + _good(s).partition(".")[2],
    "header is padded": lambda s: _good(s).replace(".", "=.", 1),
    "header is a list": lambda s: sign_raw(s.ed, ["alg"], claims(), "EdDSA"),
    "header is null": lambda s: sign_raw(s.ed, b"null", claims(), "EdDSA"),
    "header is a text": lambda s: sign_raw(s.ed, "alg", claims(), "EdDSA"),
    "header nested too deep": lambda s: sign_raw(s.ed, b"[" * 3000, claims(), "EdDSA"),
    "not ASCII": lambda s: _good(s).replace("e", "е", 1),  # a Cyrillic letter
    "half a character": lambda s: _good(s) + "\ud83d",
    "line break inside": lambda s: _good(s).replace(".", ".\n", 1),
    "blank behind": lambda s: _good(s) + " ",
    "too long": lambda s: _good(s, pad="x" * LONGEST_TOKEN),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_forged_token_is_refused_without_a_reason(
    verifier: TokenVerifier, signers: Signers, attack: Callable[[Signers], str]
) -> None:
    token = attack(signers)

    with pytest.raises(UnauthenticatedError) as refusal:
        await verifier.verify(token)

    assert refusal.value.message == REFUSAL
    assert refusal.value.extensions() == {"code": "UNAUTHENTICATED"}
