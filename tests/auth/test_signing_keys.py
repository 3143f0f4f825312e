"""Signing keys from a key set, a file or an issuer, each of which may be malformed or unreachable."""

import asyncio
import json
import ssl

import pytest
from callers import AUDIENCE, ISSUER, KeyServer, claims, jwks, sign
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from self_signed import self_signed
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.app import create_app
from gateway.auth import keys as keys_module
from gateway.auth.authenticator import Authenticator
from gateway.auth.keys import OLDEST_KEYS, REFRESH_AFTER, FetchedKeys, KeySet
from gateway.errors import IssuerUnavailableError, UnauthenticatedError
from gateway.settings import Settings, SettingsError


@pytest.fixture
def monotonic():
    return Clock(1000.0)


@pytest.fixture
async def fetched(key_server, monotonic):
    keys = FetchedKeys(key_server.url, monotonic)
    yield keys
    await keys.aclose()


@pytest.fixture
def authenticator(fetched, clock):
    return Authenticator(ISSUER, AUDIENCE, fetched, clock)


async def refused(authenticator, token):
    try:
        await authenticator.verify(token)
    except UnauthenticatedError:
        return True
    return False


async def retry_after(authenticator, token):
    """When the gateway cannot know whether the token is valid."""
    with pytest.raises(IssuerUnavailableError) as unknown:
        await authenticator.verify(token)
    return unknown.value.retry_after


@pytest.fixture
async def token(authenticator, key_server, signers):
    """By the only key that is published, which has been fetched for it."""
    key_server.body = jwks(signers.ed)
    token = sign(signers.ed, claims(), "EdDSA")
    assert not await refused(authenticator, token)
    return token


async def test_rotated_key_replaces_old_key(authenticator, key_server, signers, monotonic, token):
    key_server.body = jwks(signers.ec)
    monotonic.now += 11

    assert not await refused(authenticator, sign(signers.ec, claims(), "ES256"))
    assert await refused(authenticator, token)
    assert key_server.asked == 2


NO_JWK_SET = "The answer of the issuer is not a JWK set."
BAD_ANSWERS = (
    ("404 Not Found", b"<html>", "The issuer answered HTTP 404 in place of its keys."),
    ("302 Found", b"", "The issuer answered HTTP 302 in place of its keys."),
    ("200 OK", b"<html>sorry</html>", NO_JWK_SET),
    ("200 OK", b"null", NO_JWK_SET),
    ("200 OK", b"[" * 100_000, NO_JWK_SET),
    ("200 OK", b'{"keys": ["' + b"x" * 300_000 + b'"]}', "The answer of the issuer is too large."),
    ("", b"", "The answer of the issuer was cut off, or is no HTTP/1.1."),
    ("hangs", b"", "The issuer did not answer in time."),
)
"""And what operators, and no callers, read of each."""


async def test_keys_outlive_logged_bad_answers(authenticator, key_server, signers, monotonic, token, monkeypatch):
    key_server.headers = "Location: /jwks\r\n"
    unknown = sign(signers.ec, claims(), "ES256")
    for times, (status, body, reason) in enumerate(BAD_ANSWERS, 2):
        key_server.status, key_server.body = status, body
        if status == "hangs":
            key_server.answering.clear()
            monkeypatch.setattr(keys_module, "_FETCH_TIMEOUT", 0.05)
        monotonic.now += 61
        with capture_logs() as logs:
            assert await retry_after(authenticator, unknown) == 10
        assert [line["reason"] for line in logs] == [reason]
        assert key_server.asked == times
        assert not await refused(authenticator, token)


@pytest.mark.parametrize("entry", ["", '{"kty": "oct", "k": "c2VjcmV0"}'], ids=["empty", "secrets only"])
async def test_key_set_without_usable_keys_withdraws_all(authenticator, key_server, signers, monotonic, token, entry):
    key_server.body = f'{{"keys": [{entry}]}}'.encode()
    for _ in range(2):
        monotonic.now += OLDEST_KEYS
        with capture_logs() as logs:
            assert await retry_after(authenticator, token) == 10
        assert [line["reason"] for line in logs] == ["The issuer gave no key that can verify signatures."]
        with pytest.raises(IssuerUnavailableError):
            await authenticator.keys.current()

    key_server.body = jwks(signers.ed)
    monotonic.now += 10
    assert not await refused(authenticator, token)


async def test_key_fetch_ignores_environment_proxies(authenticator, key_server, signers, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    key_server.body = jwks(signers.ed)

    assert not await refused(authenticator, sign(signers.ed, claims(), "EdDSA"))


async def test_failed_issuer_is_asked_at_intervals_and_logged(authenticator, key_server, signers, monotonic):
    """One line a minute."""
    key_server.status, key_server.body = "503 Service Unavailable", jwks(signers.ed)
    token = sign(signers.ed, claims(), "EdDSA")
    with capture_logs() as logs:
        for _ in range(7):
            assert await retry_after(authenticator, token) == 10
            monotonic.now += 7.5
            assert await retry_after(authenticator, token) == 3
            monotonic.now += 2.5
    assert ([line["left_out"] for line in logs], key_server.asked) == ([0, 5], 7)

    key_server.status = "200 OK"
    assert not await refused(authenticator, token)


async def test_keys_are_refreshed_before_expiry(authenticator, fetched, key_server, signers, monotonic, token):
    key_server.body = jwks(signers.ec)
    key_server.answering.clear()
    monotonic.now += REFRESH_AFTER
    assert not await refused(authenticator, token)  # nobody waits

    key_server.answering.set()
    assert (await fetched.newest()).find("ec", "ES256") is not None
    assert await refused(authenticator, token)


async def test_busy_gateway_does_not_wait_for_an_unreachable_issuer(authenticator, key_server, monotonic, token):
    key_server.status = "503 Service Unavailable"
    monotonic.now += OLDEST_KEYS
    assert not await refused(authenticator, token)

    key_server.answering.clear()
    key_server.arrived.clear()
    monotonic.now += 10
    assert not await refused(authenticator, token)  # a fetch hangs: the one before has just failed
    await key_server.arrived.wait()


async def test_reason_is_logged_for_operators_alone(tmp_path):
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(self_signed("localhost"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    async with await asyncio.start_server(KeyServer().answer, "127.0.0.1", 0, ssl=tls) as server:
        keys = FetchedKeys(f"https://localhost:{server.sockets[0].getsockname()[1]}/jwks")
        with capture_logs() as logs, pytest.raises(IssuerUnavailableError) as unavailable:
            await keys.current()

    [line] = logs
    assert (line["event"], line["log_level"]) == ("signing keys not fetched", "error")
    assert line["reason"] == "The certificate of the server does not verify: self-signed certificate."
    assert line["reason"] not in f"{unavailable.value.message} {unavailable.value.extensions()}"


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_key_set_loads_only_verifying_keys(signers):
    rsa = signers.rsa.as_dict(private=False)
    entries = [
        signers.rsa.as_dict(private=True) | {"kid": "good", "use": "sig", "key_ops": ["verify"], "unknown": {"a": 1}},
        {**rsa, "kid": "encrypts", "use": "enc"},
        {**rsa, "kid": "signs", "key_ops": ["sign"]},
        {**rsa, "kid": "cut", "n": ""},
        {**rsa, "kid": 7},
        RSAKey.generate_key(1024, {"kid": "short"}).as_dict(private=False),
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        {"kty": "ML-DSA", "kid": "unknown kind"},
        {"kty": "EC", "kid": "no curve", "crv": "P-257", "x": "AA", "y": "AA"},
        *("not an object", None),
    ]

    keys = KeySet.from_json(json.dumps({"keys": entries}).encode())

    assert len(keys) == 1
    assert not keys.find("good", "RS256").is_private


FITTING = [
    (lambda keys: [{**keys.rsa.as_dict(private=False), "alg": "PS256"}], "rsa", {"PS256"}),
    (lambda keys: [keys.ed.as_dict(private=False), keys.stranger.as_dict(private=False)], "ed", set()),
    (lambda keys: [keys.ed.as_dict(private=False), keys.stranger.as_dict(private=False)], None, set()),
    (lambda keys: [keys.ed.as_dict(private=False), OKPKey.generate_key("X25519").as_dict()], None, {"EdDSA"}),
    (lambda _: [ECKey.generate_key("secp256k1", {"kid": "k"}).as_dict(private=False)], "k", set()),
]


@pytest.mark.parametrize(("published", "kid", "algs"), FITTING)
def test_key_verifies_only_where_it_alone_fits(signers, published, kid, algs):
    keys = KeySet.from_json(json.dumps({"keys": published(signers)}).encode())

    assert {alg for alg in ("RS256", "PS256", "ES256", "ES256K", "EdDSA") if keys.find(kid, alg)} == algs


def test_key_of_a_file_fits_any_key_id(signers, tmp_path):
    file = tmp_path / "issuer"
    for kind, alg in (("rsa", "RS256"), ("ec", "ES256"), ("ed", "EdDSA")):
        file.write_bytes(signers.known[kind].as_pem(private=False))
        assert KeySet.from_file(file).find("other", alg) is not None


NO_KEY = "not a JWK set, public key or certificate"
UNUSABLE = "no key in it can verify signatures"
PRIVATE = "holds a private key; the gateway is given public ones only"
UNNAMED = ec.generate_private_key(ec.SECP224R1())
"""Of a curve that JOSE has no name for."""

KEY_FILES = [
    *((content, NO_KEY) for content in (b"", b"nothing", b"{}")),
    (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", NO_KEY),
    (UNNAMED.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), NO_KEY),
    *((content, UNUSABLE) for content in (b'{"keys": []}', OKPKey.generate_key("X25519").as_pem(private=False))),
    (self_signed("login.example"), PRIVATE),  # with its certificate
    (None, "the file cannot be read: No such file or directory"),
]


def test_unusable_key_file_is_named_with_its_mistake(signers, tmp_path):
    file = tmp_path / "key"
    settings = Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=str(file))
    cases = list(KEY_FILES)
    for key in signers.known.values():
        jwk = json.dumps(key.as_dict(private=True)).encode()
        cases += [(content, PRIVATE) for content in (key.as_pem(private=True), jwk, b'{"keys": [%b]}' % jwk)]
    for content, mistake in cases:
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(SettingsError) as refused:
            create_app(settings)
        assert f"GATEWAY_AUTH_KEY_FILE: {mistake}" in str(refused.value), content
