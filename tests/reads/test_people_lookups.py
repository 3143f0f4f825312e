"""Look-ups of people are limited, and right and wrong guesses are answered alike."""

from itertools import product

import pytest

LIMIT = 4
PERSON = "query Person($name: String!, $phone: String!) { people(name: $name, phone: $phone) { name maskedFields } }"
WANG, KNOWN = 'name: "王芳", phone: "19900000002"', {"name": "王芳", "phone": "19900000002"}
UNKNOWN = [
    {"name": "王芳", "phone": "19900000009"},
    {"name": "王方", "phone": "19900000002"},
    {"name": "赵无极", "phone": "19900099999"},
]
MASKED = ["pii:read"]


pytestmark = pytest.mark.settings(PEOPLE_LOOKUP_LIMIT=str(LIMIT), COMMUNITIES="10002,00001")


def visible_parts(answer, *, apart=("x-request-id", "date", "content-length", "ratelimit")):
    """What a caller can compare between answers, without their data and what differs with every request."""
    headers = {name: value for name, value in answer.response.headers.items() if name not in apart}
    return answer.response.status_code, headers, answer.body.get("extensions"), set(answer.body)


@pytest.mark.parametrize("without", [MASKED, []], ids=["masked", "unmasked"])
async def test_lookup_limit_refuses_without_a_call(gateway, sandbox, mint, without):
    """Neither before nor then does an answer show who exists, but in its data."""
    token, seen = mint(without=without), []
    for variables in (KNOWN, *UNKNOWN):
        sandbox.reset_calls()
        answer = await gateway.ask(PERSON, variables, token=token)
        assert sandbox.count("SECURITY", "people") == 1
        assert (answer.data["people"] is None) == (variables is not KNOWN)
        seen.append(visible_parts(answer))
    assert seen == [seen[0]] * LIMIT
    sandbox.reset_calls()

    refusals = [await gateway.ask(PERSON, variables, token=token) for variables in (KNOWN, *UNKNOWN)]

    for refusal in refusals:
        assert refusal.partial == {"people": None}
        assert refusal.code == "RATE_LIMITED"
        assert refusal.error["message"] == "Too many look-ups of people"
        assert 0 < refusal.error["extensions"]["retryAfter"] <= 60 / LIMIT
    assert len({str(visible_parts(refusal)) for refusal in refusals}) == 1
    assert sandbox.calls == []
    assert (await gateway.ask(PERSON, KNOWN)).data["people"]["name"] == "王芳"  # another caller


async def test_every_lookup_of_a_request_counts(gateway, sandbox, mint):
    aliased = " ".join(
        f'p{number}: people(name: "王芳", phone: "1990000000{number}") {{ name }}' for number in range(LIMIT + 2)
    )
    answer = await gateway.ask(f"{{ {aliased} }}", token=mint(without=MASKED))
    assert [error["extensions"]["code"] for error in answer.errors] == ["RATE_LIMITED"] * 2
    assert sandbox.count("SECURITY", "people") == LIMIT


@pytest.mark.usefixtures("execution")
async def test_lookup_counts_once_beside_a_wrong_field(gateway):
    wrong = 'orders(communityCode: "10002", filter: {unit: 1}) { totalCount }'
    query = f"{{ people({WANG}) {{ name {wrong} }} }}"
    for _ in range(LIMIT):
        assert (await gateway.ask(query)).code == "BAD_USER_INPUT"
    assert (await gateway.ask(query)).code == "RATE_LIMITED"


FILTERS = ['idCard: "999302199211302517"', 'phone: "19900000002"', 'name: "王芳"']
PATHS = {
    "root": '{ orders(communityCode: "10002", filter: {%s}) { totalCount } }',
    "communities": "{ orders(filter: {%s}) { totalCount } }",
    "sum": '{ community(code: "10002") { fees(filter: {%s}) { count } } }',
    "community": '{ community(code: "10002") { orders(filter: {%s}) { totalCount } } }',
    "house": '{ house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) '
    "{ orders(filter: {%s}) { totalCount } } }",
}


async def test_order_search_by_person_counts_as_a_lookup(gateway, sandbox, mint):
    for path, condition in product(PATHS, FILTERS):
        token = mint(without=MASKED, subject=f"{path} {condition[:2]}")
        for _ in range(LIMIT):
            assert "errors" not in (await gateway.ask(PATHS[path] % condition, token=token)).body, path
        sandbox.reset_calls()
        assert (await gateway.ask(PATHS[path] % condition, token=token)).code == "RATE_LIMITED", (path, condition)
        assert (await gateway.ask(PERSON, KNOWN, token=token)).code == "RATE_LIMITED"
        assert sandbox.calls == []


async def test_order_search_of_a_person_counts_id_numbers(gateway, mint):
    for filters, look_ups in (("status: OPEN", 1), ('idCard: "999302199211302517"', 2)):
        orders = f'orders(communityCode: "10002", filter: {{{filters}}}) {{ totalCount }}'
        query, token = f"{{ people({WANG}) {{ {orders} }} }}", mint(subject=filters[:6])
        for _ in range(LIMIT // look_ups):
            assert "errors" not in (await gateway.ask(query, token=token)).body
        assert (await gateway.ask(query, token=token)).code == "RATE_LIMITED"


async def test_internal_lookups_do_not_count(gateway, mint):
    query = """
    { orders(communityCode: "10002", filter: {building: 1, title: "物业费", status: OPEN}) { totalCount }
      repairs(communityCode: "10002", first: 10) { nodes { reporter { people { name } } } }
      shenhes(communityCode: "10002", first: 10) { nodes { verification { registered { name } } } } }
    """
    for _ in range(2 * LIMIT):
        assert "errors" not in (await gateway.ask(query, token=mint(without=MASKED))).body


CREATE = """
mutation ($key: ID!, $payer: PayerInput!) {
  createOrder(
    input: {communityCode: "10002", title: "水费", amount: "1", payer: $payer, allowRepeat: true, idempotencyKey: $key}
  ) { outcome userErrors { code } }
}
"""


async def test_new_order_counts_as_lookup_for_a_person_only(gateway, sandbox, mint):
    house = {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}}
    for number in range(LIMIT + 1):
        created = await gateway.ask(CREATE, {"key": f"house-{number}", "payer": house}, token=mint())
        assert created.data["createOrder"]["outcome"] == "CONFIRMED"
    for number in range(LIMIT):
        payer = {"phone": {"phone": f"1990009999{number}"}}
        refused = await gateway.ask(CREATE, {"key": f"phone-{number}", "payer": payer}, token=mint())
        assert refused.data["createOrder"]["userErrors"] == [{"code": "PERSON_NOT_FOUND"}]
    sandbox.reset_calls()

    for other in ({"phone": {"phone": "19900000002"}}, {"idCard": "999302199211302517"}):
        assert (await gateway.ask(CREATE, {"key": "last", "payer": other}, token=mint())).code == "RATE_LIMITED"
    assert sandbox.calls == []
