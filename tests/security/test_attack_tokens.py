"""Forged and misdirected tokens are 401 with one message, and fetch no keys."""

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from callers import AUDIENCE, claims, sign, sign_raw
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode
from target import Target
from websockets import connect
from websockets.exceptions import ConnectionClosed
from wire import SUBPROTOCOL, over_event_stream, send

from gateway.auth.keys import _FETCH_INTERVAL

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),  # weak keys are meant here
]

QUERY = {"query": "{ viewer { subject } }"}


def good(**changes: Any) -> dict[str, Any]:
    now = time.time()
    return claims(**({"iat": now, "exp": now + 600, "scope": "order:read", "communities": "*"} | changes))


def encoded(*parts: object) -> str:
    return ".".join(
        urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).decode() for part in parts
    )


def unsigned(alg: str, signature: bytes = b"") -> Callable[[Target], str]:
    return lambda target: encoded({"alg": alg, "typ": "at+jwt"}, good(), signature)


def signed(alg: str = "EdDSA", key: str = "ed", header: dict[str, Any] | None = None, **changes: Any) -> Any:
    """By one of the issuer's own keys."""
    return lambda target: sign(target.signers.known[key], good(**changes), alg, **(header or {}))


def signed_by_other_issuer(**header: Any) -> Callable[[Target], str]:
    return lambda target: sign(target.signers.stranger, good(), "EdDSA", **header)


def with_public_key_as_secret(alg: str, digest: str, form: str) -> Callable[[Target], str]:
    """For a verifier that takes the algorithm from the token: what is public of a key signs as a shared secret."""

    def make(target: Target) -> str:
        key = target.signers.rsa
        secret = key.as_pem(private=False) if form == "pem" else json.dumps(key.as_dict(private=False)).encode()
        text = encoded({"alg": alg, "typ": "at+jwt", "kid": "rsa"}, good())
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), digest))}"

    return make


def with_own_key(name: str) -> Callable[[Target], str]:
    """The token brings the key it is signed with, or says where to get it."""

    def make(target: Target) -> str:
        stranger = target.signers.stranger
        brought = {
            "jwk": stranger.as_dict(private=False),
            "jku": f"{target.keys.url}/stranger",
            "x5u": f"{target.keys.url}/stranger.pem",
            "x5c": ["MIIB"],
        }[name]
        return sign(stranger, good(), "EdDSA", **{name: brought})

    return make


def altered(change: Callable[[str], str]) -> Callable[[Target], str]:
    return lambda target: change(target.mint())


def raw_claims(text: str) -> Callable[[Target], str]:
    """Claims as this text, well signed."""
    return lambda target: sign_raw(
        target.signers.ed, {"alg": "EdDSA", "typ": "at+jwt", "kid": "ed"}, text.encode(), "EdDSA"
    )


def raw_header(text: str) -> Callable[[Target], str]:
    return lambda target: sign_raw(target.signers.ed, text.encode(), good(), "EdDSA")


def nested(target: Target) -> str:
    return sign_raw(
        target.signers.ed,
        {"alg": "EdDSA", "typ": "at+jwt", "kid": "ed", "cty": "JWT"},
        target.mint().encode(),
        "EdDSA",
    )


NOW = time.time()
TOKENS: dict[str, Callable[[Target], str]] = {
    **{
        f"is signed by nobody: alg {alg!r}": unsigned(alg)
        for alg in ("none", "None", "NONE", "nOnE", "none ", "", "null")
    },
    "is signed by nobody and has a signature": unsigned("none", b"signature"),
    "has no algorithm": lambda target: encoded({"typ": "at+jwt"}, good(), b"x"),
    "has a list of algorithms": lambda target: encoded({"alg": ["EdDSA"], "typ": "at+jwt"}, good(), b"x"),
    "has no signature": altered(lambda token: token.rpartition(".")[0] + "."),
    "has no signature nor its dot": altered(lambda token: token.rpartition(".")[0]),
    "has half of its signature": altered(lambda token: token[:-40]),
    "has a signature of zeros": altered(lambda token: token.rpartition(".")[0] + "." + "A" * 86),
    "has a signature twice": altered(lambda token: token + token.rpartition(".")[2]),
    "has a part too many": altered(lambda token: token + ".e30"),
    "has five parts as encrypted ones have": lambda target: encoded(
        {"alg": "dir", "enc": "A256GCM"}, b"", b"i", b"c", b"t"
    ),
    "has another token's claims": altered(
        lambda token: ".".join((*token.split(".")[:1], encoded(good(sub="root")), token.split(".")[2]))
    ),
    "is signed with the public key as a secret": with_public_key_as_secret("HS256", "sha256", "pem"),
    "is signed with the public key as a longer secret": with_public_key_as_secret("HS512", "sha512", "pem"),
    "is signed with the published key as a secret": with_public_key_as_secret("HS256", "sha256", "jwk"),
    "is signed with an empty secret": lambda target: sign(OctKey.import_key(b"\0"), good(), "HS256"),
    "is signed by a stranger": signed_by_other_issuer(),
    "is signed by a stranger who names no key": signed_by_other_issuer(kid=None),
    "is signed by a stranger for the algorithm of another key": signed_by_other_issuer(kid="rsa"),
    **{f"brings its own key as {name}": with_own_key(name) for name in ("jwk", "jku", "x5u", "x5c")},
    "is signed with a short RSA key": lambda target: sign(RSAKey.generate_key(1024, {"kid": "rsa"}), good(), "RS256"),
    "is signed on another curve": lambda target: sign(ECKey.generate_key("secp256k1", {"kid": "ec"}), good(), "ES256K"),
    "names the RSA key and is signed by another": signed(header={"kid": "rsa"}),
    "names the Ed25519 key and is signed by another": signed("RS256", "rsa", header={"kid": "ed"}),
    "has an ECDSA signature of zeros": lambda target: (
        sign(target.signers.ec, good(), "ES256").rpartition(".")[0] + "." + "A" * 86
    ),
    "has an algorithm that is no text": raw_header('{"alg":["EdDSA"],"typ":"at+jwt","kid":"ed"}'),
    "has a type that is no text": signed(header={"typ": 1}),
    "has issuers in a list": signed(iss=["https://login.example"]),
    "has an audience that is an object": signed(aud={AUDIENCE: True}),
    "is for the audience in other letters": signed(aud=AUDIENCE.upper()),
    "is of a number": signed(sub=7),
    "has scopes that are an object": signed(scope={"pii:read": True}),
    "has scopes that are true": signed(scope=True),
    "has communities that are numbers": signed(communities=[10002]),
    "has communities that are true": signed(communities=True),
    "is signed by an algorithm that its key is not for": lambda target: encoded(
        {"alg": "RS256", "typ": "at+jwt", "kid": "ec"}, good(), b"x" * 256
    ),
    "is for another audience": signed(aud="elsewhere"),
    "is for an audience that begins the same": signed(aud=f"{AUDIENCE}.evil.example"),
    "is for nobody": signed(aud=[]),
    "has no audience": signed(aud=None),
    "is of another issuer": signed(iss="https://login.example.evil.example"),
    "is of the issuer with a slash": signed(iss="https://login.example/"),
    "has no issuer": signed(iss=None),
    "is an identity token": signed(header={"typ": "id+jwt"}),
    "is a logout token": signed(header={"typ": "logout+jwt"}),
    "has no type": signed(header={"typ": None}),
    "has expired a minute ago": signed(exp=NOW - 60),
    "has expired in 1970": signed(exp=0),
    "never expires": signed(exp=None),
    "expires at the end of numbers": raw_claims(json.dumps(good()).replace('"exp": ', '"exp": 1e999, "x": ')),
    "expires never: NaN": raw_claims(json.dumps(good()).replace('"exp": ', '"exp": NaN, "x": ')),
    "expires at a text": signed(exp="2099-01-01"),
    "expires at true": signed(exp=True),
    "begins in an hour": signed(nbf=NOW + 3600),
    "was made in an hour": signed(iat=NOW + 3600),
    "is of nobody": signed(sub=None),
    "is of an empty name": signed(sub=""),
    "is of a name of ten thousand letters": signed(sub="a" * 1000),
    "has claims that are a list": raw_claims("[]"),
    "has claims that are no JSON": raw_claims("sub=root"),
    "has claims that are UTF-16": lambda target: sign_raw(
        target.signers.ed, {"alg": "EdDSA", "typ": "at+jwt", "kid": "ed"}, json.dumps(good()).encode("utf-16"), "EdDSA"
    ),
    "has claims nested ten thousand deep": raw_claims('{"a":' * 1000 + "1" + "}" * 1000),
    "has a header that is a list": raw_header('["EdDSA"]'),
    "has a header nested a thousand deep": raw_header(
        '{"alg":"EdDSA","typ":"at+jwt","a":' + "[" * 1000 + "]" * 1000 + "}"
    ),
    "has an algorithm twice": raw_header('{"alg":"EdDSA","typ":"at+jwt","kid":"ed","alg":"none"}'),
    "has a critical extension": signed(header={"crit": ["exp"], "exp": NOW}),
    "has a critical extension that nobody knows": signed(header={"crit": ["https://evil.example"]}),
    "has claims that are not encoded": signed(header={"b64": False, "crit": ["b64"]}),
    "is said to be compressed": signed(header={"zip": "DEF"}),
    "is a token within a token": nested,
    **{
        f"names its key {kid!r}": signed_by_other_issuer(kid=kid)
        for kid in (
            "../../../../dev/null",
            "/proc/self/environ",
            "' OR '1'='1",
            "ed; SELECT 1",
            "ed\0",
            "ed\r\nx-evil: 1",
            "http://127.0.0.1:1/jwks",
            "$(id)",
            "",
            "ED",
        )
    },
    "names its key with a number": signed(header={"kid": 1}),
    "names its key with a list": signed(header={"kid": ["ed"]}),
    "is nine thousand letters long": signed(note="a" * 9000),
    "is a megabyte of dots": lambda target: "." * 8000,
    "is made of letters beyond ASCII": lambda target: "é.é.é",
    "has blanks in it": altered(lambda token: token.replace(".", " . ")),
    "is padded": altered(lambda token: token.replace(".", "=.")),
    "is in the other base64": altered(lambda token: token + "+/"),
    "is null": lambda target: "null",
    "is undefined": lambda target: "undefined",
    "is an object": lambda target: '{"alg":"none"}',
}
"""What the token does or is."""

HEADERS: dict[str, Callable[[str], str | None]] = {
    "there is none": lambda token: None,
    "it is empty": lambda token: "",
    "it is the token alone": lambda token: token,
    "it is another scheme": lambda token: f"Basic {token}",
    "it is a scheme that begins the same": lambda token: f"Bearers {token}",
    "it is a scheme without a token": lambda token: "Bearer",
    "it has two blanks": lambda token: f"Bearer  {token}",
    "it has a tab": lambda token: f"Bearer\t{token}",
    "it has two tokens": lambda token: f"Bearer {token} {token}",
    "it has two tokens and a comma": lambda token: f"Bearer {token}, Bearer {token}",
    "it has a parameter behind": lambda token: f"Bearer {token}; a=b",
    "it is in quotes": lambda token: f'Bearer "{token}"',
}
"""What is wrong with the header."""


async def refused(target: Target, authorization: str | None) -> None:
    answer = await target.post(QUERY, authorization=authorization and authorization.encode())  # type: ignore[arg-type]

    assert (answer.status, answer.codes) == (401, {"UNAUTHENTICATED"})
    [error] = answer.json["errors"]
    assert error["message"] == "A valid bearer token is needed"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_valid_token_is_accepted_under_attack(target):
    for key, alg in (("ed", "EdDSA"), ("rsa", "RS256"), ("ec", "ES256")):
        token = sign(target.signers.known[key], good(), alg)
        answer = await target.post(QUERY, authorization=f"Bearer {token}")
        assert answer.json["data"] == {"viewer": {"subject": "lin"}}


@pytest.mark.parametrize("name", TOKENS)
async def test_forged_token_is_refused(target, bystanders, name):
    token = TOKENS[name](target)
    asked = target.keys.asked

    await bystanders.unharmed_by(lambda: refused(target, f"Bearer {token}"))

    assert target.keys.asked - asked <= 1


@pytest.mark.parametrize("name", HEADERS)
async def test_malformed_authorization_header_is_refused(target, name):
    await refused(target, HEADERS[name](target.mint()))


async def test_last_duplicate_claim_counts(target):
    """As everywhere (RFC 7519, 4), so that no two servers read different callers."""
    doubled = json.dumps(good(sub="root"))[:-1] + ', "sub": "lin"}'
    answer = await target.post(QUERY, authorization=f"Bearer {raw_claims(doubled)(target)}")

    assert answer.json["data"] == {"viewer": {"subject": "lin"}}


async def test_flood_of_unknown_keys_fetches_once_per_interval(target, bystanders):
    began, asked = time.monotonic(), target.keys.asked
    tokens = [sign(OKPKey.generate_key("Ed25519", {"kid": f"key {n}"}), good(), "EdDSA") for n in range(200)]

    async def attack():
        await asyncio.gather(*(refused(target, f"Bearer {token}") for token in tokens))

    await bystanders.unharmed_by(attack)

    assert target.keys.asked - asked <= 1 + (time.monotonic() - began) / _FETCH_INTERVAL


@pytest.mark.parametrize("name", ["is signed by a stranger", "is for another audience", "has expired a minute ago"])
async def test_forged_token_opens_no_websocket_or_stream(target, name):
    token = TOKENS[name](target)
    [event] = await over_event_stream(target.url, token, "subscription { paymentEvents { cursor } }", {}) or [""]
    assert event == ""

    async with connect(f"ws://127.0.0.1:{target.port}/graphql", subprotocols=[SUBPROTOCOL], proxy=None) as connection:
        await send(connection, "connection_init", payload={"Authorization": f"Bearer {token}"})
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd.code == 4403
