"""Decisions on reviews: the exact form that is sent, and whether the reason was recorded."""

import json
from datetime import datetime

import pytest
from platform_answers import interpose
from write_cases import BY_NAME

from gateway.sandbox import words
from gateway.sandbox.dialects import paging
from gateway.sandbox.dialects import shenhe as shenhe_rows
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import SandboxOptions

APPROVE, REJECT = BY_NAME["approveShenhe"], BY_NAME["rejectShenhe"]

CONTENT = {
    "people": {
        "name": "李更",
        "phone": "19900000009",
        "sex": "FEMALE",
        "birthDate": "1987-05-04",
        "isVeteran": True,
        "politicalStatus": "PARTY_MEMBER",
        "jobName": "教师",
    },
    "house": {"room": 102, "role": "TENANT"},
}
SENT = {
    "people": {
        "people_name": "李更",
        "people_phone": "19900000009",
        "people_sex": "女",
        "people_birth": "19870504",
        "people_tuiyijunren": "1",
        "people_zhengzhimianmao": "党员",
    },
    "job": {"job_name": "教师"},
    "house": {"house_number": 102, "people_house_role": "租客"},
}


PENDING = """
{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 12) { nodes { id content { raw } } } }
"""
DECIDED = "outcome reasonRecorded"


async def pending(gateway):
    return (await gateway.read(PENDING))["nodes"]


def forms(sandbox):
    return [effect.form for effect in sandbox.effects.of("shenhe/update")]


async def test_approval_without_corrections_or_with_null_ones_sends_no_content(gateway, sandbox):
    none = {"content": {"people": {"name": None, "isPetitioner": None}, "house": None}}
    for corrections in ({}, none):
        await APPROVE.write(gateway, await APPROVE.prepare(gateway) | corrections)

    assert [set(form) for form in forms(sandbox)] == [{"id", "status"}] * 2


async def test_corrections_are_merged_into_complete_content(gateway, sandbox):
    review = (await pending(gateway))[0]
    submitted = json.loads(review["content"]["raw"])

    assert (await APPROVE.write(gateway, {"id": review["id"], "content": CONTENT}))["outcome"] == "CONFIRMED"
    [form] = forms(sandbox)
    wanted = {part: submitted[part] | SENT.get(part, {}) for part in submitted}
    assert json.loads(form["content"]) == wanted
    assert wanted["house"]["id"]  # the platform's own, which the schema does not know


PLAUSIBLE = {
    "people": {
        "name": "古丽娜尔·艾力",
        "phone": "0335-3012345转8001",
        "idCard": "999302210704123",
        "birthDate": "1921-07-04",
        "nation": "维吾尔族",
        "companyName": "",
    },
    "house": {"communityCode": "10002", "unit": 0, "floor": -1, "room": -101},
}
CORRECTED = """
{
  shenhes(communityCode: "10002", first: 60) {
    nodes {
      id
      content { people { name phone idCard birthDate nation companyName } house { communityCode unit floor room } }
    }
  }
}
"""


@pytest.mark.parametrize("dialect", Dialect)
async def test_plausible_corrections_are_read_back_unchanged(gateway):
    corrected = set()
    for review in await pending(gateway):
        payload = await APPROVE.write(gateway, {"id": review["id"], "content": PLAUSIBLE})
        if payload["outcome"] == "CONFIRMED":
            corrected.add(review["id"])
    nodes = (await gateway.ask(CORRECTED)).data["shenhes"]["nodes"]

    wanted = {**PLAUSIBLE, "people": PLAUSIBLE["people"] | {"companyName": None}}
    assert len(corrected) >= 6
    assert [node["content"] for node in nodes if node["id"] in corrected] == [wanted] * len(corrected)


@pytest.mark.parametrize(("moment", "outcome"), [("15:59", "REFUSED"), ("16:01", "CONFIRMED")])
async def test_birth_date_after_today_in_china_is_refused(environ, serve, moment, outcome):
    now = datetime.fromisoformat(f"2026-11-24T{moment}:00+00:00")
    async with serve(environ, lambda: now) as gateway:
        prepared = await APPROVE.prepare(gateway)
        prepared["content"] = {"people": {"birthDate": "2026-11-25"}}
        assert (await APPROVE.write(gateway, prepared))["outcome"] == outcome


@pytest.mark.parametrize("dialect", [Dialect.EXAMPLES, Dialect.MIXED])
async def test_sent_content_is_complete_without_placeholders(gateway, sandbox):
    outcomes = []
    for review in await pending(gateway):
        payload = await APPROVE.write(gateway, {"id": review["id"], "content": {"people": {"nation": "回族"}}})
        outcomes.append((payload["outcome"], *(error["code"] for error in payload["userErrors"])))

    assert set(outcomes) <= {("CONFIRMED",), ("REFUSED", "NOT_SUPPORTED")}
    assert outcomes.count(("CONFIRMED",)) == len(forms(sandbox)) >= 6
    for form in forms(sandbox):
        content = json.loads(form["content"])
        assert content["people"]["people_nation"] == "回族"
        assert content["people"]["people_name"]
        assert content["house"]["house_number"]
        assert "见前言" not in form["content"]
        assert "****" not in form["content"]


class TestContentMissingInSingleFetch:
    """The content is looked for in the list (quirk 115)."""

    @pytest.fixture
    def dialect(self):
        return Dialect.EXAMPLES

    @pytest.fixture(autouse=True)
    def _short_pages(self, monkeypatch):
        monkeypatch.setattr("gateway.shenhe.writes.SEARCHED_PER_PAGE", 1)

    async def correct(self, gateway, review):
        payload = await APPROVE.write(gateway, {"id": review["id"], "content": {"people": {"nation": "回族"}}})
        return (payload["outcome"], *(error["code"] for error in payload["userErrors"]))

    @pytest.mark.parametrize(
        ("searched", "place", "decided"),
        [(20, -1, ("CONFIRMED",)), (2, 1, ("CONFIRMED",)), (2, 2, ("REFUSED", "NOT_SUPPORTED"))],
    )
    async def test_content_is_found_on_searched_pages(self, gateway, sandbox, monkeypatch, searched, place, decided):
        monkeypatch.setattr("gateway.shenhe.writes.SEARCHED_PAGES", searched)

        assert await self.correct(gateway, (await pending(gateway))[place]) == decided
        sent = [json.loads(form["content"])["people"]["people_nation"] for form in forms(sandbox)]
        assert sent == ["回族"] * (decided == ("CONFIRMED",))

    @pytest.mark.parametrize("says_pages", [True, False])
    async def test_correction_of_an_unlisted_review_is_refused(self, gateway, sandbox, monkeypatch, says_pages):
        review, *_ = await pending(gateway)
        if not says_pages:
            monkeypatch.setattr(paging, "meta", lambda *_given: None)
        sandbox.world.shenhes_of["10002"].clear()
        sandbox.reset_calls()

        assert await self.correct(gateway, review) == ("REFUSED", "NOT_SUPPORTED")
        assert sandbox.count("WJDH", "shenheList") == 1

    async def test_correction_without_a_community_is_refused(self, gateway, sandbox):
        number = next(row.id for row in sandbox.world.shenhes_of["10002"] if row.status == words.PENDING)

        assert await self.correct(gateway, {"id": str(number)}) == ("REFUSED", "NOT_SUPPORTED")
        assert sandbox.count("WJDH", "shenheList") == 0

    @pytest.mark.parametrize(
        "content", [None, "{", "[]", "见前言", "{}", '{"data": {"people": {"people_name": "李明"}}}']
    )
    async def test_correction_of_unreadable_content_is_refused(self, gateway, sandbox, monkeypatch, content):
        row = shenhe_rows._row
        monkeypatch.setattr(shenhe_rows, "_row", lambda *its, **parts: row(*its, **parts) | {"shenhe_content": content})
        review, *_ = await pending(gateway)

        assert await self.correct(gateway, review) == ("REFUSED", "NOT_SUPPORTED")
        assert forms(sandbox) == []


LOST = b"<html>"


def on_decision(sandbox, act):
    """Have `act(form, decide)` answer the next decision: `decide()` makes it, and is what the platform answers."""
    turns = iter([act])

    def answer(form, decide):
        return next(turns, lambda *_: decide())(form, decide)

    interpose(sandbox, "shenhe/update", answer)


@pytest.mark.parametrize(
    ("is_removed", "is_made", "is_answered"),
    [(True, True, True), (False, True, True), (True, True, False), (True, False, False)],
)
async def test_decision_on_an_unreadable_review_records_no_reason(gateway, sandbox, is_removed, is_made, is_answered):
    def act(form, decide):
        answer = decide() if is_made else LOST
        if is_removed:
            del sandbox.world.shenhes[int(form["id"])]
        else:
            sandbox.faults.set("WJDH", "shenhe", Fault(FaultKind.HTTP_500))
        return answer if is_answered else LOST

    prepared = await REJECT.prepare(gateway)
    on_decision(sandbox, act)

    assert await gateway.write("rejectShenhe", prepared, DECIDED) == {
        "outcome": "CONFIRMED" if is_answered else "UNKNOWN",
        "reasonRecorded": None,
    }
    assert len(forms(sandbox)) == is_made


@pytest.mark.parametrize("meanwhile", [True, False], ids=["while it is sent", "later"])
async def test_competing_decision_does_not_confirm_a_lost_one(gateway, sandbox, settle, meanwhile):
    def act(form, decide):
        if meanwhile:
            form["status"] = str(words.APPROVED)
            decide()
        return LOST

    prepared = await REJECT.prepare(gateway)
    on_decision(sandbox, act)
    lost = await REJECT.write(gateway, prepared)
    if not meanwhile:
        assert (await APPROVE.write(gateway, {"id": prepared["id"]}))["outcome"] == "CONFIRMED"
    later = await settle(lost)

    assert (lost["outcome"], later["outcome"]) == ("UNKNOWN", "REFUSED")
    assert [error["code"] for error in later["userErrors"]] == ["ALREADY_REVIEWED"]


REASON = "照片不清晰"
NOT_TO_BE_SENT = "[reviews]\nrefuse_reasons = false\n"


class TestReasons:
    @pytest.fixture
    def sandbox_options(self, dialect, keeps):
        return SandboxOptions(dialect=dialect, keeps_refusal_reason=keeps)

    @pytest.mark.parametrize(
        ("keeps", "profile", "reason", "kind", "sent", "recorded"),
        [
            (False, "", REASON, None, REASON, False),
            (False, NOT_TO_BE_SENT, REASON, None, None, False),
            (True, "", f" {REASON}\n", FaultKind.APPLIED_THEN_RESET, REASON, True),
            (False, "", None, None, None, None),
            (False, "", None, FaultKind.APPLIED_THEN_RESET, None, None),
        ],
    )
    async def test_rejection_reports_whether_its_reason_is_kept(
        self, environ, serve, sandbox, tmp_path, profile, reason, kind, sent, recorded
    ):
        (tmp_path / "profile.toml").write_text(profile)
        async with serve(environ | {"GATEWAY_PROFILE": str(tmp_path / "profile.toml")}) as gateway:
            given = {"id": (await pending(gateway))[0]["id"], "reason": reason}
            sandbox.reset_calls()
            if kind is not None:
                sandbox.faults.set("WJDH", "shenhe/update", Fault(kind), times=1)
            payload = await gateway.write("rejectShenhe", given, DECIDED)
            reads = sandbox.count("WJDH", "shenhe")
            [operation] = (await gateway.read("{ operations { nodes { reason outcome } } }"))["nodes"]

        assert payload == {"outcome": "CONFIRMED", "reasonRecorded": recorded}
        assert operation == {"outcome": "CONFIRMED", "reason": reason and REASON}
        assert [form.get("shenhe_refuse_reason") for form in forms(sandbox)] == [sent]
        assert reads == (1 if reason is kind is None else 2)


async def reject_each(gateway, ids, **given):
    fields = "results { outcome userErrors { field code } operation { reason } }"
    return (await gateway.write("rejectShenhes", {"ids": ids, **given}, fields))["results"]


async def test_each_review_has_its_own_reason(gateway, sandbox):
    ids = [review["id"] for review in (await pending(gateway))[:2]]
    for _repeat in range(2):
        results = await reject_each(gateway, ids, reasons=["照片不清晰", " 材料不全 "], idempotencyKey="k")
        assert [result["outcome"] for result in results] == ["CONFIRMED"] * 2
        assert [result["operation"]["reason"] for result in results] == ["照片不清晰", "材料不全"]
    results = await reject_each(gateway, ids, reasons=["照片不清晰", "不是本人"], idempotencyKey="k")
    codes = [[error["code"] for error in result["userErrors"]] for result in results]
    assert codes == [[], ["IDEMPOTENCY_MISMATCH"]]
    assert sandbox.count("WJDH", "shenhe/update") == 2


async def test_masked_reason_refuses_its_own_review(gateway):
    ids = [review["id"] for review in (await pending(gateway))[:2]]
    first, second = await reject_each(gateway, ids, reasons=["照片不清晰", "电话 199****0001 有误"])
    assert (first["outcome"], second["outcome"]) == ("CONFIRMED", "REFUSED")
    assert [error["field"] for error in second["userErrors"]] == [["reasons", "1"]]


async def test_review_that_is_named_twice_has_one_reason(gateway, sandbox):
    id_ = (await pending(gateway))[0]["id"]
    results = await reject_each(gateway, [id_, id_], reasons=["甲", "甲"])
    assert [result["outcome"] for result in results] == ["CONFIRMED"] * 2
    assert sandbox.count("WJDH", "shenhe/update") == 1
