"""Which bearer tokens are accepted, what of them is read, and why others are refused (RFC 8725, RFC 9068)."""

import pytest
from callers import AUDIENCE, ISSUER, NOW, claims, jwks, principal, sign
from exposed import by_labels, read
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from gateway.auth.authenticator import LEEWAY, LONGEST_TOKEN, REFUSAL, open_authenticator
from gateway.errors import UnauthenticatedError
from gateway.settings import Settings
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
