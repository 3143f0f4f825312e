"""Forged and misdirected tokens are 401 with one message, and fetch no keys."""

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from callers import AUDIENCE, claims, sign, sign_raw
from graphql_socket import connected
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode
from target import Target
from wire import over_event_stream

from gateway.auth.keys import _FETCH_INTERVAL

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),  # weak keys are meant here
]

QUERY = {"query": "{ viewer { subject } }"}
PLAIN = {"alg": "EdDSA", "typ": "at+jwt", "kid": "ed"}

Make = Callable[[Target], str]


def good(**changes: Any) -> dict[str, Any]:
    now = time.time()
    return claims(**({"iat": now, "exp": now + 600, "scope": "order:read", "communities": "*"} | changes))


def encoded(*parts: object) -> str:
    texts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return b".".join(map(urlsafe_b64encode, texts)).decode()


def by_issuer(header: dict[str, Any] | None = None, alg: str = "EdDSA", key: str = "ed", **changes: Any) -> Make:
    """By one of the issuer's own keys."""
    return lambda target: sign(target.signers.known[key], good(**changes), alg, **(header or {}))


def by_stranger(**header: Any) -> Make:
    return lambda target: sign(target.signers.stranger, good(), "EdDSA", **header)


def with_public_key_as_secret(alg: str, digest: str, form: str) -> Make:
    """For a verifier that takes the algorithm from the token: what is public of a key signs as a shared secret."""

    def make(target: Target) -> str:
        key = target.signers.rsa
        secret = key.as_pem(private=False) if form == "pem" else json.dumps(key.as_dict(private=False)).encode()
        text = encoded({"alg": alg, "typ": "at+jwt", "kid": "rsa"}, good())
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), digest))}"

    return make


def with_own_key(name: str) -> Make:
    """The token brings the key it is signed with, or says where to get it."""

    def make(target: Target) -> str:
        stranger, url = target.signers.stranger, f"{target.keys.url}/stranger"
        brought = {"jwk": stranger.as_dict(private=False), "jku": url, "x5u": f"{url}.pem", "x5c": ["MIIB"]}
        return sign(stranger, good(), "EdDSA", **{name: brought[name]})

    return make


def unsigned(header: object, signature: bytes = b"") -> Make:
    """With a signature that is of no key."""
    return lambda _: encoded(header, good(), signature)


def altered(change: Callable[[str], str]) -> Make:
    return lambda target: change(target.mint())


def ending(end: str) -> Make:
    """With this instead of its signature."""
    return altered(lambda token: token.rpartition(".")[0] + end)


def raw(claims: Any = None, header: Any = PLAIN) -> Make:
    """Claims and a header as these texts, well signed."""
    return lambda target: sign_raw(target.signers.ed, header, good() if claims is None else claims, "EdDSA")


def with_claim(text: str) -> Make:
    return raw(json.dumps(good()).replace('"exp": ', f'"exp": {text}, "x": ').encode())


NOW = time.time()
NO_KEYS = ["../../../../dev/null", "/proc/self/environ", "' OR '1'='1", "ed; SELECT 1", "ed\0", "ed\r\nx-evil: 1"]
NO_KEYS += ["http://127.0.0.1:1/jwks", "$(id)", "", "ED"]
TOKENS: dict[str, list[Make]] = {
    "signed by nobody": [
        *(unsigned({"alg": alg, "typ": "at+jwt"}) for alg in ("none", "None", "NONE", "nOnE", "none ", "", "null")),
        *(unsigned({"alg": ["EdDSA"], "typ": "at+jwt"}), unsigned({"alg": "none", "typ": "at+jwt"}, b"signature")),
        *(unsigned({"typ": "at+jwt"}, b"x"), unsigned({"alg": "RS256", "typ": "at+jwt", "kid": "ec"}, b"x" * 256)),
        lambda _: encoded({"alg": "dir", "enc": "A256GCM"}, b"", b"i", b"c", b"t"),
    ],
    "signed otherwise": [
        *map(ending, (".", "", "." + "A" * 86)),
        *(altered(lambda token: token[:-40]), altered(lambda token: token + ".e30")),
        altered(lambda token: token + token.rpartition(".")[2]),
        altered(lambda token: ".".join((*token.split(".")[:1], encoded(good(sub="root")), token.split(".")[2]))),
        lambda target: sign(target.signers.ec, good(), "ES256").rpartition(".")[0] + "." + "A" * 86,
    ],
    "signed with what is public": [
        with_public_key_as_secret("HS256", "sha256", "pem"),
        with_public_key_as_secret("HS512", "sha512", "pem"),
        with_public_key_as_secret("HS256", "sha256", "jwk"),
        lambda target: sign(OctKey.import_key(b"\0"), good(), "HS256"),
    ],
    "signed with another key": [
        *(by_stranger(), by_stranger(kid=None), by_stranger(kid="rsa")),
        *map(with_own_key, ("jwk", "jku", "x5u", "x5c")),
        lambda target: sign(RSAKey.generate_key(1024, {"kid": "rsa"}), good(), "RS256"),
        lambda target: sign(ECKey.generate_key("secp256k1", {"kid": "ec"}), good(), "ES256K"),
        *(by_issuer({"kid": "rsa"}), by_issuer({"kid": "ed"}, "RS256", "rsa")),
        *(by_stranger(kid=kid) for kid in NO_KEYS),
        *(by_issuer({"kid": kid}) for kid in (1, ["ed"])),
    ],
    "for another or of another": [
        *(by_issuer(aud=aud) for aud in (None, [], "elsewhere", AUDIENCE.upper(), {AUDIENCE: True})),
        by_issuer(aud=f"{AUDIENCE}.evil.example"),
        *(by_issuer(iss=iss) for iss in (None, ["https://login.example"], "https://login.example/")),
        by_issuer(iss="https://login.example.evil.example"),
        *(by_issuer(sub=sub) for sub in (None, "", 7, "a" * 1000)),
        *(by_issuer(scope=scope) for scope in (True, {"pii:read": True})),
        *(by_issuer(communities=codes) for codes in (True, [10002])),
    ],
    "of another time": [
        *(by_issuer(exp=exp) for exp in (NOW - 60, 0, None, "2099-01-01", True)),
        *(with_claim("1e999"), with_claim("NaN"), by_issuer(nbf=NOW + 3600), by_issuer(iat=NOW + 3600)),
    ],
    "of another type": [
        *(by_issuer({"typ": typ}) for typ in (None, 1, "id+jwt", "logout+jwt")),
        *(by_issuer({"crit": ["exp"], "exp": NOW}), by_issuer({"crit": ["https://evil.example"]})),
        *(by_issuer({"b64": False, "crit": ["b64"]}), by_issuer({"zip": "DEF"})),
        lambda target: raw(target.mint().encode(), PLAIN | {"cty": "JWT"})(target),
    ],
    "of odd JSON": [
        *(raw(b"[]"), raw(b"sub=root"), raw(b'{"a":' * 1000 + b"1" + b"}" * 1000)),
        raw(json.dumps(good()).encode("utf-16")),
        *(raw(header=b'["EdDSA"]'), raw(header=b'{"alg":["EdDSA"],"typ":"at+jwt","kid":"ed"}')),
        raw(header=b'{"alg":"EdDSA","typ":"at+jwt","a":' + b"[" * 1000 + b"]" * 1000 + b"}"),
        raw(header=b'{"alg":"EdDSA","typ":"at+jwt","kid":"ed","alg":"none"}'),
    ],
    "no token": [
        by_issuer(note="a" * 9000),
        *(lambda target, text=text: text for text in ("." * 8000, "é.é.é", "null", "undefined", '{"alg":"none"}')),
        altered(lambda token: token.replace(".", " . ")),
        *(altered(lambda token: token.replace(".", "=.")), altered(lambda token: token + "+/")),
    ],
}
"""Tokens by what they are."""

HEADERS = ["", "{0}", "Basic {0}", "Bearers {0}", "Bearer", "Bearer  {0}", "Bearer\t{0}", "Bearer {0} {0}"]
HEADERS += ["Bearer {0}, Bearer {0}", "Bearer {0}; a=b", 'Bearer "{0}"']


async def refused(target: Target, authorization: str | None) -> None:
    answer = await target.post(QUERY, authorization=authorization and authorization.encode())  # type: ignore[arg-type]
    assert (answer.status, answer.codes) == (401, {"UNAUTHENTICATED"})
    [error] = answer.json["errors"]
    assert error["message"] == "A valid bearer token is needed"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", TOKENS)
async def test_forged_token_is_refused(target, bystanders, kind):
    async for _ in bystanders.unharmed():
        for make in TOKENS[kind]:
            asked = target.keys.asked
            await refused(target, f"Bearer {make(target)}")
            assert target.keys.asked - asked <= 1


async def test_malformed_authorization_header_is_refused(target):
    for header in (None, *HEADERS):
        await refused(target, header and header.format(target.mint()))


async def test_last_duplicate_claim_counts(target):
    """As everywhere (RFC 7519, 4), so that no two servers read different callers."""
    doubled = json.dumps(good(sub="root"))[:-1] + ', "sub": "lin"}'
    answer = await target.post(QUERY, authorization=f"Bearer {raw(doubled.encode())(target)}")

    assert answer.json["data"] == {"viewer": {"subject": "lin"}}


async def test_flood_of_unknown_keys_fetches_once_per_interval(target, bystanders):
    began, asked = time.monotonic(), target.keys.asked
    tokens = [sign(OKPKey.generate_key("Ed25519", {"kid": f"key {n}"}), good(), "EdDSA") for n in range(200)]

    async for _ in bystanders.unharmed():
        for start in range(0, len(tokens), 20):  # of more at once a head might take longer than the second it may
            await asyncio.gather(*(refused(target, f"Bearer {token}") for token in tokens[start : start + 20]))

    assert target.keys.asked - asked <= 1 + (time.monotonic() - began) / _FETCH_INTERVAL


@pytest.mark.parametrize("make", [by_stranger(), by_issuer(aud="elsewhere"), by_issuer(exp=NOW - 60)])
async def test_forged_token_opens_no_websocket_or_stream(target, make):
    token = make(target)
    assert await over_event_stream(target.url, token, "subscription { paymentEvents { cursor } }", {}) == []

    async with connected(target.url, init=False) as socket:
        await socket.send("connection_init", payload={"Authorization": f"Bearer {token}"})
        assert await socket.closed() == 4403
