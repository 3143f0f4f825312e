"""The soak blames platforms for nothing but what they did."""

import httpx
import pytest
from faults import GRACE, Faults, Restart
from sender import Failure, wrong_in

SETTINGS = {"GATEWAY_WJDH_URL": "http://wjdh", "GATEWAY_SECURITY_URL": "http://security"}


@pytest.fixture
def blame() -> Faults:
    """A fault was on from second 100 to 110."""
    faults = Faults(SETTINGS, on=10, off=20)
    faults._windows.append([100.0, 110.0])
    return faults


@pytest.mark.parametrize(
    ("sent", "answered", "codes", "is_ours"),
    [
        (101.0, 102.0, ["UPSTREAM_TIMEOUT"], False),
        (90.0, 100.5, ["UPSTREAM_TIMEOUT"], False),
        (110.0 + GRACE - 1, 130.0, ["UPSTREAM_UNAVAILABLE", "UNKNOWN"], False),
        (90.0, 99.0, ["UPSTREAM_TIMEOUT"], True),
        (111.0 + GRACE, 130.0, ["UPSTREAM_TIMEOUT"], True),
        (101.0, 102.0, ["INTERNAL"], True),
        (101.0, 102.0, ["UPSTREAM_TIMEOUT", "INTERNAL"], True),
        (101.0, 102.0, ["CODE_2"], True),
        (101.0, 102.0, ["TimeoutError"], True),
    ],
)
def test_platforms_are_blamed_while_a_fault_matters(
    blame: Faults, sent: float, answered: float, codes: list[str], is_ours: bool
) -> None:
    blame.judge(Failure("Orders", sent, answered, codes))
    assert (len(blame.ours), blame.platforms.total()) == ((1, 0) if is_ours else (0, 1))


def test_own_failures_name_their_restart(blame: Faults) -> None:
    blame.judge(Failure("Orders", 300.0, 301.0, ["INTERNAL"]))
    blame.judge(Failure("Orders", 400.0, 401.0, ["INTERNAL"]))
    assert blame.list_ours(0.0, [Restart("database restart", 299.0, 300.5)]) == [
        "1 Orders INTERNAL (database restart), 5.02 to 5.02 min",
        "1 Orders INTERNAL, 6.68 to 6.68 min",
    ]


UPDATED = {"outcome": "CONFIRMED", "userErrors": []}


@pytest.mark.parametrize(
    ("name", "status", "answer", "codes"),
    [
        ("Orders", 200, {"data": {"orders": {}}}, []),
        ("Orders", 200, {"data": None, "errors": [{"extensions": {"code": "INTERNAL"}}]}, ["INTERNAL"]),
        ("Orders", 503, {}, ["HTTP_503"]),
        ("UpdateRepair", 200, {"data": {"updateRepair": UPDATED}}, []),
        ("UpdateRepair", 200, {"data": {"updateRepair": UPDATED | {"outcome": "UNKNOWN"}}}, ["UNKNOWN"]),
        (
            "UpdateRepair",
            200,
            {"data": {"updateRepair": {"outcome": "REFUSED", "userErrors": [{"code": "CONFLICT"}]}}},
            ["CONFLICT"],
        ),
    ],
)
def test_answers_are_held_against_what_they_must_be(name: str, status: int, answer: object, codes: list[str]) -> None:
    assert wrong_in(name, httpx.Response(status, json=answer)) == codes


def test_garbled_answer_is_wrong() -> None:
    assert wrong_in("Orders", httpx.Response(200, content=b"<html>")) == ["HTTP_200"]
