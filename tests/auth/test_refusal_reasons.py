"""Reasons of refused tokens: counted and logged, and returned to callers in development only."""

from collections.abc import Callable

import pytest
from callers import NOW, Signers, claims, sign
from exposed import read
from joserfc.jwk import OctKey
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.auth.authenticator import Authenticator
from gateway.auth.refusals import REFUSAL, RefusalReason
from gateway.auth.tokens import LONGEST_TOKEN, TokenVerifier
from gateway.errors import UnauthenticatedError

WORDS = {str(reason): reason.words for reason in RefusalReason}


def _token(header: dict[str, object] | None = None, **changes: object) -> Callable[[Signers], str]:
    return lambda signers: "Bearer " + sign(signers.ed, claims(**changes), "EdDSA", **(header or {}))


REFUSED: list[tuple[str, Callable[[Signers], str | None]]] = [
    ("missing", lambda _: None),
    ("missing", lambda _: ""),
    ("scheme", lambda _: "Basic ZGV2ZWxvcGVyOg=="),
    ("form", lambda _: "Bearer let me in"),
    ("form", lambda _: "Bearer %%%.e30.e30"),
    ("form", lambda _: "Bearer " + "x" * (LONGEST_TOKEN + 1)),
    ("header", _token({"typ": None})),
    ("header", _token({"jku": "https://evil.example/jwks"})),
    ("alg", lambda _: "Bearer " + sign(OctKey.import_key("secret" * 8), claims(), "HS256", kid="ed")),
    ("typ", _token({"typ": "id+jwt"})),
    ("key", _token({"kid": "unknown"})),
    ("signature", lambda signers: "Bearer " + sign(signers.stranger, claims(), "EdDSA")),
    ("claims", _token(sub=None)),
    ("claims", _token(exp=str(NOW))),
    ("iss", _token(iss="https://evil.example")),
    ("aud", _token(aud="account")),
    ("exp", _token(exp=NOW - 60)),
    ("nbf", _token(nbf=NOW + 60)),
    ("nbf", _token(iat=NOW + 60)),
]


def counted(authenticator: Authenticator) -> dict[str, float]:
    series = read(authenticator.refusals.metrics)
    return {
        dict(labels)["reason"]: count
        for (name, labels), count in series.items()
        if name == "gateway_refused_tokens_total" and count
    }


async def refusal(authenticator: Authenticator, header: str | None) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await authenticator.authenticate(header)
    return refused.value.message


def test_every_refusal_reason_is_tested() -> None:
    assert {reason for reason, _ in REFUSED} == set(RefusalReason)


@pytest.mark.parametrize(("reason", "header"), REFUSED)
async def test_refusal_is_counted_and_logged_by_reason(
    verifier: TokenVerifier, signers: Signers, clock: Clock, reason: str, header: Callable[[Signers], str | None]
) -> None:
    authenticator, developer = Authenticator(verifier, clock), Authenticator(verifier, clock, explains=True)

    assert await refusal(developer, header(signers)) == f"{REFUSAL}: {WORDS[reason]}"
    with capture_logs() as logs:
        assert await refusal(authenticator, header(signers)) == REFUSAL

    assert counted(authenticator) == {reason: 1}
    assert logs == [
        {"event": "token refused", "log_level": "warning", "reason": reason, "because": WORDS[reason], "left_out": 0}
    ]


async def test_flood_of_refusals_logs_one_line_a_reason(
    verifier: TokenVerifier, signers: Signers, clock: Clock
) -> None:
    authenticator = Authenticator(verifier, clock)

    with capture_logs() as logs:
        for _ in range(50):
            await refusal(authenticator, None)
            await refusal(authenticator, _token(aud="account")(signers))

    assert [line["reason"] for line in logs] == ["missing", "aud"]
    assert counted(authenticator) == {"missing": 50, "aud": 50}


async def test_believed_token_is_not_counted(verifier: TokenVerifier, signers: Signers, clock: Clock) -> None:
    authenticator = Authenticator(verifier, clock)

    await authenticator.authenticate(_token()(signers))

    assert counted(authenticator) == {}
