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


async def test_keys_are_fetched_once_at_first_token(authenticator, key_server, signers, monotonic):
    key_server.body = jwks(signers.ed, signers.rsa)
    assert key_server.asked == 0

    for key, alg in ((signers.ed, "EdDSA"), (signers.rsa, "RS256"), (signers.ed, "EdDSA")):
        assert (await authenticator.verify(sign(key, claims(), alg))).principal.subject == "lin"
        monotonic.now += 140

    assert "fetch signing keys" not in {task.get_name() for task in asyncio.all_tasks()}
    assert key_server.asked == 1


async def test_rotated_key_replaces_old_key(authenticator, key_server, signers, monotonic):
    key_server.body = jwks(signers.ed)
    old = sign(signers.ed, claims(), "EdDSA")
    assert not await refused(authenticator, old)

    key_server.body = jwks(signers.ec)
    monotonic.now += 11

    assert not await refused(authenticator, sign(signers.ec, claims(), "ES256"))
    assert await refused(authenticator, old)
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
)
"""And what operators, and no callers, read of each."""


async def test_keys_outlive_a_bad_answer_whose_reason_is_logged(authenticator, key_server, signers, monotonic):
    key_server.body, key_server.headers = jwks(signers.ed), "Location: /jwks\r\n"
    token, unknown = sign(signers.ed, claims(), "EdDSA"), sign(signers.ec, claims(), "ES256")
    assert not await refused(authenticator, token)

    for times, (status, body, reason) in enumerate(BAD_ANSWERS, 2):
        key_server.status, key_server.body = status, body
        monotonic.now += 61
        with capture_logs() as logs:
            assert await retry_after(authenticator, unknown) == 10
        assert [line["reason"] for line in logs] == [reason]
        assert key_server.asked == times
        assert not await refused(authenticator, token)


@pytest.mark.parametrize("entry", ["", '{"kty": "oct", "k": "c2VjcmV0"}'], ids=["empty", "secrets only"])
async def test_key_set_without_usable_keys_withdraws_all(authenticator, key_server, signers, monotonic, entry):
    key_server.body = jwks(signers.ed)
    token = sign(signers.ed, claims(), "EdDSA")
    assert not await refused(authenticator, token)

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


async def test_failed_issuer_is_asked_again_after_interval(authenticator, key_server, signers, monotonic):
    key_server.status = "503 Service Unavailable"
    token = sign(signers.ed, claims(), "EdDSA")
    assert await retry_after(authenticator, token) == 10

    key_server.status, key_server.body = "200 OK", jwks(signers.ed)
    monotonic.now += 7.5
    assert await retry_after(authenticator, token) == 3
    monotonic.now += 3

    assert not await refused(authenticator, token)
    assert key_server.asked == 2


async def test_keys_are_refreshed_before_expiry(authenticator, fetched, key_server, signers, monotonic):
    key_server.body = jwks(signers.ed)
    token = sign(signers.ed, claims(), "EdDSA")
    assert not await refused(authenticator, token)

    key_server.body = jwks(signers.ec)
    key_server.answering.clear()
    monotonic.now += REFRESH_AFTER
    assert not await refused(authenticator, token)  # nobody waits

    key_server.answering.set()
    assert (await fetched.newest()).find("ec", "ES256") is not None
    assert await refused(authenticator, token)


async def test_busy_gateway_does_not_wait_for_an_unreachable_issuer(authenticator, key_server, signers, monotonic):
    key_server.body = jwks(signers.ed)
    token = sign(signers.ed, claims(), "EdDSA")
    assert not await refused(authenticator, token)

    key_server.status = "503 Service Unavailable"
    monotonic.now += OLDEST_KEYS
    assert not await refused(authenticator, token)

    key_server.answering.clear()
    key_server.arrived.clear()
    monotonic.now += 10
    assert not await refused(authenticator, token)  # a fetch hangs: the one before has just failed
    await key_server.arrived.wait()


class TestFailureReason:
    """Operators, and no callers, read why the keys could not be fetched."""

    async def test_reason_names_a_failed_connection(self, unused_tcp_port):
        keys = FetchedKeys(f"http://localhost:{unused_tcp_port}/jwks")
        assert await self.logged_reason(keys) == "No connection could be made: Connection refused."

    async def test_reason_names_an_unknown_certificate(self, tmp_path):
        pem = tmp_path / "certificate.pem"
        pem.write_bytes(self_signed("localhost"))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pem)
        async with await asyncio.start_server(KeyServer().answer, "127.0.0.1", 0, ssl=tls) as server:
            port = server.sockets[0].getsockname()[1]
            reason = await self.logged_reason(FetchedKeys(f"https://localhost:{port}/jwks"))

        assert reason == "The certificate of the server does not verify: self-signed certificate."

    async def test_reason_names_a_hanging_issuer(self, fetched, key_server, monkeypatch):
        monkeypatch.setattr(keys_module, "_FETCH_TIMEOUT", 0.05)
        key_server.answering.clear()

        assert await self.logged_reason(fetched) == "The issuer did not answer in time."

    async def test_repeated_failure_is_one_line_a_minute(self, fetched, key_server, monotonic):
        key_server.status = "503 Service Unavailable"
        with capture_logs() as logs:
            for _ in range(7):
                with pytest.raises(IssuerUnavailableError):
                    await fetched.current()
                monotonic.now += 10

        assert [line["left_out"] for line in logs] == [0, 5]

    async def logged_reason(self, keys):
        """As it is logged; the caller does not see it."""
        with capture_logs() as logs, pytest.raises(IssuerUnavailableError) as unavailable:
            await keys.current()
        [line] = logs
        assert (line["event"], line["log_level"]) == ("signing keys not fetched", "error")
        assert line["reason"] == unavailable.value.reason
        assert line["reason"] not in f"{unavailable.value.message} {unavailable.value.extensions()}"
        return str(line["reason"])


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


@pytest.mark.parametrize("kind", ["rsa", "ec", "ed", "set"])
def test_key_file_holds_a_key_or_a_key_set(signers, tmp_path, kind):
    """The key of a file fits any key id; those of a set have theirs."""
    alg = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA", "set": "ES256"}[kind]
    file = tmp_path / "issuer"
    is_set = kind == "set"
    file.write_bytes(b"\n" + jwks(signers.ec, signers.ed) if is_set else signers.known[kind].as_pem(private=False))

    keys = KeySet.from_file(file)

    assert keys.find("ec", alg) is not None
    assert keys.find(None, alg) is not None
    assert (keys.find("other", alg) is None) == is_set


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
