"""Personal numbers in free texts: masked, or audited where they are revealed."""

from dataclasses import replace

import pytest

PHONE, ID_NUMBER = "19900077777", "999302199211307777"
SPELT = f"联系 {PHONE} 或 199-0007-7777，证号 {ID_NUMBER}"

QUERY = """
query Texts {
  shenhes(communityCode: "10002", first: 100) { nodes {
    id rejectionReason content { raw people { nation jobName companyName registeredAddress } } } }
  orders(communityCode: "10002", first: 100) { nodes { id title remark address details { name value } } }
  repairs(communityCode: "10002", first: 100) { nodes { id location description reply } }
}
"""
SHOWN = {
    "Shenhe": {
        "rejectionReason", "content.raw", "content.people.nation", "content.people.jobName",
        "content.people.companyName", "content.people.registeredAddress",
    },
    "Order": {"title", "remark", "details"},
    "Repair": {"location", "description", "reply"},
}  # fmt: skip


@pytest.fixture
async def written(gateway, sandbox):
    """A review, an order and a repair with numbers wherever text may stand."""
    world = sandbox.world
    review, order, repair = (rows["10002"][0] for rows in (world.shenhes_of, world.orders_of, world.repairs_of))
    review.applicant = replace(review.applicant, nation=SPELT, job_name=SPELT, company_name=SPELT, address=SPELT)
    review.refuse_reason = SPELT
    order.title = order.remark = SPELT
    order.extra = {SPELT: SPELT}
    repair.position = repair.description = repair.reply = SPELT
    return {"Shenhe": review.id, "Order": order.number, "Repair": repair.id}


def numbers_in(text):
    return [number for number in (PHONE, "199-0007-7777", ID_NUMBER) if number in text]


async def test_texts_show_masked_callers_no_number(gateway, mint, written):
    for _ in range(3):  # the third time by a plan
        answer = await gateway.ask(QUERY, token=mint(without=["pii:read"]))
        assert "errors" not in answer.body
        assert numbers_in(answer.response.text) == []
        assert "199****7777" in answer.response.text


async def test_masked_texts_are_listed_as_masked(gateway, mint, written):
    query = """
    { shenhes(communityCode: "10002", first: 100) { nodes {
        platformId content { people { nation jobName companyName maskedFields } } } } }
    """
    for _ in range(2):
        reviews = (await gateway.ask(query, token=mint(without=["pii:read"]))).data["shenhes"]["nodes"]
        for review in reviews:
            named = set(review["content"]["people"]["maskedFields"]) & {"nation", "jobName", "companyName"}
            has_numbers = review["platformId"] == written["Shenhe"]
            assert named == ({"nation", "jobName", "companyName"} if has_numbers else set())


async def test_unmasked_texts_are_audited_by_field(gateway, mint, written):
    for _ in range(3):
        assert len(numbers_in((await gateway.ask(QUERY, token=mint())).response.text)) == 3
    await gateway.parts.trail.flush()
    entries = [entry async for entry in gateway.parts.journal.audit.read()]

    shown: dict[tuple[str, str], set[str]] = {}
    for entry in entries:
        for platform_id in entry.records.platform_ids:
            shown.setdefault((entry.records.type, platform_id), set()).update(entry.fields)
    for type_name, identifier in written.items():
        assert shown[type_name, str(identifier)] == SHOWN[type_name]
    # No text of another order held anything.
    assert {identifier for name, identifier in shown if name == "Order"} == {str(written["Order"])}
    assert not any(numbers_in(repr(entry)) for entry in entries)
