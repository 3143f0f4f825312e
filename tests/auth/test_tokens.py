"""Which bearer tokens are accepted, for how long, what is read of them, why others are refused (RFC 8725, RFC 9068)."""

from unittest.mock import AsyncMock

import pytest
from callers import AUDIENCE, ISSUER, NOW, claims, jwks, principal, sign
from exposed import by_labels, read
from joserfc.jwk import OctKey
from msgspec.structs import replace
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.auth.authenticator import LEEWAY, LONGEST_TOKEN, REFUSAL, Authenticator, open_authenticator
from gateway.auth.keys import OLDEST_KEYS, REFRESH_AFTER, FetchedKeys
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings, SettingsError
from gateway.wording.requests import TokenWording


@pytest.fixture
def open_with(signers, clock, tmp_path):
    """An authenticator of these settings besides those of the issuer."""

    def open_with(**options):
        path = tmp_path / "jwks.json"
        path.write_bytes(b"\n" + jwks(*signers.known.values()))
        settings = Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=str(path), **options)
        return open_authenticator(settings, clock)

    return open_with


ALGORITHMS = [("rsa", f"{kind}{bits}") for kind in ("RS", "PS") for bits in (256, 384, 512)]
ALGORITHMS += [("ec", "ES256"), ("ed", "EdDSA"), ("ed", "Ed25519")]


async def test_token_of_each_allowed_algorithm_is_accepted(open_with, signers):
    authenticator = open_with()
    for kid, alg in ALGORITHMS:
        token = sign(signers.known[kid], claims(), alg)
        assert (await authenticator.verify(token)).principal == principal("order:read", communities={"10002"}), alg


HEADERS = [{"typ": typ} for typ in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt")]
HEADERS += [{"x5t": "thumbprint", "pi.atm": "1"}]
TIMES = [{"exp": NOW - LEEWAY + 1}, {"nbf": NOW + LEEWAY}, {"iat": NOW + LEEWAY}, {"aud": ["account", AUDIENCE]}]
NESTED = {"realm_access": {"roles": ["order:read", "offline_access"]}}
SCOPES = [
    ((), {"scope": "order:read  pii:read"}, {"order:read", "pii:read"}),
    ((), {"scope": ["order:read", "pii:read"]}, {"order:read", "pii:read"}),
    ((), {"scope": None, "scopes": ["order:read"]}, {"order:read"}),
    ((), {"scope": None, "scopes": "order:read,repair:read"}, {"order:read", "repair:read"}),
    ((), {"scope": "openid email order:read"}, {"order:read"}),
    *(((), {"scope": none}, set()) for none in ("*", "ORDER:READ order:reads order:", "", None)),
    (("scope", "scopes", "scp"), {"scope": None, "scp": "order:read"}, {"order:read"}),
    (("scope", "scopes", "scp"), {"scope": None, "scp": ["order:read", "openid"]}, {"order:read"}),
    (("roles",), {"scope": "pii:read", "roles": ["order:read"]}, {"order:read"}),
    (("roles",), {"scope": "pii:read"}, set()),
    (("roles", "scp"), {"roles": None, "scp": "order:read"}, {"order:read"}),
    (("realm_access.roles",), NESTED, {"order:read"}),
    (("resource_access.wanjia.roles",), {"resource_access": {"wanjia": {"roles": "order:read"}}}, {"order:read"}),
    (("https://example.org/scopes",), {"https://example.org/scopes": "order:read"}, {"order:read"}),
]
COMMUNITIES = [
    ((), {"communities": ["10002", "00001"]}, {"10002", "00001"}),
    ((), {"communities": "10002,00001"}, {"10002", "00001"}),
    ((), {"communities": None, "community": "00001"}, {"00001"}),
    ((), {"communities": None, "community": ["00001"]}, {"00001"}),
    ((), {"communities": ["00001"], "community": "10002"}, {"10002", "00001"}),
    *(((), {"communities": every}, None) for every in ("*", ["*"])),
    *(((), {"communities": none}, set()) for none in ([], None)),
    (("tenant.codes",), {"communities": ["00001"], "tenant": "10002"}, set()),
    (("tenant.codes",), {"communities": ["00001"], "tenant": {"codes": ["10002"]}}, {"10002"}),
]
ACCEPTED = [
    *(({}, header, {}, {"subject": "lin"}) for header in HEADERS),
    ({"auth_require_typ": False}, {"typ": None}, {}, {"subject": "lin"}),
    *(({}, {}, changes, {"subject": "lin"}) for changes in TIMES),
    *(({"auth_scope_claims": names} if names else {}, {}, given, {"scopes": read}) for names, given, read in SCOPES),
    *(
        ({"auth_community_claims": names} if names else {}, {}, given, {"communities": read})
        for names, given, read in COMMUNITIES
    ),
]


@pytest.mark.parametrize(("options", "header", "changes", "read"), ACCEPTED)
async def test_accepted_token_is_read(open_with, signers, options, header, changes, read):
    token = sign(signers.ed, claims(**changes), "EdDSA", **header)

    principal = (await open_with(**options).authenticate(f"Bearer {token}")).principal

    assert {name: getattr(principal, name) for name in read} == read


def token(header=None, **changes):
    return lambda signers: "Bearer " + sign(signers.ed, claims(**changes), "EdDSA", **(header or {}))


REFUSED = [
    ("missing", lambda _: None),
    ("missing", lambda _: ""),
    ("scheme", lambda _: "Basic ZGV2ZWxvcGVyOg=="),
    ("form", lambda _: "Bearer let me in"),
    ("form", lambda _: "Bearer %%%.e30.e30"),
    ("form", lambda _: "Bearer " + "x" * (LONGEST_TOKEN + 1)),
    ("header", token({"typ": None})),
    ("header", token({"jku": "https://evil.example/jwks"})),
    ("alg", lambda _: "Bearer " + sign(OctKey.import_key("secret" * 8), claims(), "HS256", kid="ed")),
    ("typ", token({"typ": "id+jwt"})),
    ("key", token({"kid": "unknown"})),
    ("signature", lambda signers: "Bearer " + sign(signers.stranger, claims(), "EdDSA")),
    ("claims", token(sub=None)),
    ("claims", token(exp=str(NOW))),
    ("claims", token(realm_access={"roles": {"order:read": 1}}), {"auth_scope_claims": ("realm_access.roles",)}),
    ("typ", token({"typ": "logout+jwt"}), {"auth_require_typ": False}),
    ("iss", token(iss="https://evil.example")),
    ("aud", token(aud="account")),
    ("exp", token(exp=NOW - 60)),
    ("nbf", token(nbf=NOW + 60)),
    ("nbf", token(iat=NOW + 60)),
]


def test_every_refusal_reason_is_tested():
    assert {reason.upper() for reason, *_ in REFUSED} == set(TokenWording.__members__)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
async def test_refusal_is_counted_and_logged_by_reason(open_with, signers, case):
    """The caller reads the reason in development alone."""
    reason, header, *options = case
    authenticator = open_with(**dict(*options))
    because = TokenWording[reason.upper()]()
    with capture_logs() as logs, pytest.raises(UnauthenticatedError) as refused:
        await authenticator.authenticate(header(signers))

    assert refused.value.message == f"{REFUSAL}: {because}"
    counts = by_labels(read(authenticator.metrics), "gateway_refused_tokens_total", "reason")
    assert {name: count for (name,), count in counts.items() if count} == {reason: 1}
    assert logs == [
        {"event": "token refused", "log_level": "warning", "reason": reason, "because": because, "left_out": 0}
    ]


async def test_token_is_verified_once_until_it_expires(key_server, signers, clock, monkeypatch):
    """As long as its key is published; a header that differs in a letter is another one."""
    key_server.body = jwks(signers.ed)
    monotonic = Clock()
    authenticator = Authenticator(ISSUER, AUDIENCE, FetchedKeys(key_server.url, monotonic), clock)
    verify = AsyncMock(wraps=authenticator.verify)
    monkeypatch.setattr(authenticator, "verify", verify)
    header = "bEARER " + sign(signers.ed, claims(exp=NOW + 60), "EdDSA")
    first = await authenticator.authenticate(header)
    for _ in range(2):
        assert authenticator.trusts(first)
        monotonic.now += REFRESH_AFTER
        assert not authenticator.trusts(first)
        monotonic.now += OLDEST_KEYS - REFRESH_AFTER
        assert await authenticator.authenticate(header) is first
    assert (verify.await_count, key_server.asked) == (1, 3)

    for changed in (header[:-1], header + "A", header.lower()):
        with pytest.raises(UnauthenticatedError):
            await authenticator.authenticate(changed)
    clock.now = NOW + 60 + LEEWAY
    with pytest.raises(UnauthenticatedError):
        await authenticator.authenticate(header)


UNSAFE = ["http://login.example/jwks", "file:///etc/jwks", "ftp://127.0.0.1/jwks", "https://", "https://a:b/",
          "https://a:65536", "https://a..b/", "ftp://localhost"]  # fmt: skip


async def test_keys_come_by_https_or_from_this_machine():
    settings = Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_jwks_url="https://login.example/jwks")
    await open_authenticator(settings).aclose()
    for url in UNSAFE:
        with pytest.raises(SettingsError, match="GATEWAY_AUTH_JWKS_URL"):
            open_authenticator(replace(settings, auth_jwks_url=url))


def test_production_without_an_issuer_is_refused():
    with pytest.raises(SettingsError, match="GATEWAY_ENV"):
        open_authenticator(Settings(env="production"))
