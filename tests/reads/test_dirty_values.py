"""A dirty value affects only its field and is a data issue; clean values are equal in every dialect."""

from dataclasses import replace

import pytest
from graphql import GraphQLObjectType, get_named_type
from schema_routes import SCHEMA

from gateway.sandbox.dialects.dialect import SOILED_ONE_IN, Dialect

CODES = ("10002", "00001", "00002", "10003")
ISSUES = "dataIssues { field problem platform raw masked }"
PERSON = (
    "name phone sex nation birthDate registeredAddress idCard photo politicalStatus isVeteran "
    "receivesSubsistenceAllowance isPetitioner jobName companyName"
)
RECORDS = f"""
query Records($code: ID!) {{
  shenhes(communityCode: $code, first: 100) {{ totalCount nodes {{
    __typename platformId type status rejectionReason createdAt updatedAt houseIntroduction canReview {ISSUES}
    content {{
      people {{ __typename userId {PERSON} {ISSUES} }}
      house {{ __typename building unit floor room role status use ownership occupantType communityCode {ISSUES} }}
    }}
  }} }}
  orders(communityCode: $code, first: 100) {{ totalCount nodes {{
    __typename platformId number title feeType amount {{ yuan fen text }} paymentStatus status remark shopNumber
    details {{ name value }} address house {{ address }} {ISSUES}
  }} }}
  repairs(communityCode: $code, first: 100) {{ totalCount nodes {{
    __typename platformId location description status reply reporter {{ name phone }} {ISSUES}
  }} }}
  modules(communityCode: $code) {{ __typename name label enabled {ISSUES} }}
  house(address: {{communityCode: $code, building: 1, unit: 1, floor: 1, room: 101}}) {{
    use ownership status owner {{ __typename phone role occupantType {ISSUES} }}
  }}
  people(name: "王芳", phone: "19900000002") {{
    __typename {PERSON} {ISSUES}
    residencies {{ __typename role occupantType {ISSUES} members {{ __typename {PERSON} role {ISSUES} }}
      house {{ __typename address use ownership status {ISSUES} }} }}
  }}
}}
"""


odd_dialects = pytest.mark.parametrize("dialect", [Dialect.MIXED, Dialect.EXAMPLES])


async def read(gateway):
    """Everything that the gateway returns, by community."""
    return {code: (await gateway.ask(RECORDS, {"code": code})).data for code in CODES}


def objects(value):
    """Every object of an answer that can carry issues."""
    if isinstance(value, list):
        for item in value:
            yield from objects(item)
    elif isinstance(value, dict):
        if "dataIssues" in value:
            yield value
        for item in value.values():
            yield from objects(item)


def leads_somewhere(type_name, path):
    """Whether the dotted path is one of public fields, starting at this type."""
    graphql_type = SCHEMA.get_type(type_name)
    for name in path.split("."):
        if not isinstance(graphql_type, GraphQLObjectType) or name not in graphql_type.fields:
            return False
        graphql_type = get_named_type(graphql_type.fields[name].type)
    return True


@odd_dialects
async def test_data_issue_names_its_field_and_raw_value(gateway, dialect):
    answers = await read(gateway)
    seen = [(each, issue) for each in objects(answers) for issue in each["dataIssues"]]
    assert seen
    for each in objects(answers):
        unrecognised = {name for name, value in each.items() if value == "UNRECOGNIZED"}
        assert unrecognised <= {issue["field"] for issue in each["dataIssues"]}
    for each, issue in seen:
        type_name = each.get("__typename", "Residency")
        assert leads_somewhere(type_name, issue["field"]), (type_name, issue)
        assert issue["masked"] is False
        assert issue["platform"] == ("SECURITY" if type_name in SECURITY else "WJDH")
        assert (issue["raw"] is None) <= (issue["problem"] == "MISSING")
    everything = {"UNRECOGNIZED_VALUE", "MALFORMED", "MISSING", "LEGACY_CODE"}
    assert {issue["problem"] for _, issue in seen} >= (everything if dialect is Dialect.MIXED else {"LEGACY_CODE"})


SECURITY = ("People", "Member", "House", "Residency", "HouseOwner")


@odd_dialects
async def test_dirty_values_do_not_cost_a_row(gateway, sandbox):
    for code, answer in (await read(gateway)).items():
        world = sandbox.world
        truth = {"shenhes": world.shenhes_of, "orders": world.orders_of, "repairs": world.repairs_of}
        for name, rows in truth.items():
            assert {row["platformId"] for row in answer[name]["nodes"]} == {row.id for row in rows[code]}
            assert answer[name]["totalCount"] == len(rows[code])


OLD_NUMBERS = {"sex", "photo", "politicalStatus", "role", "status", "use", "ownership", "occupantType", "communityCode"}
"""What the list's example gives as an undocumented number, or as a value of its own."""


def clean(answer):
    """What must be equal in all dialects: records without odd values, contents without old numbers."""
    clean_rows = {name: answer[name] for name in ("house", "people")}
    for name in ("shenhes", "orders", "repairs"):
        rows = answer[name]["nodes"]
        clean_rows[name] = [dict(row) for row in rows if row["platformId"] % SOILED_ONE_IN != SOILED_ONE_IN - 1]
    for review in clean_rows["shenhes"]:
        review["content"] = {
            part: {field: value for field, value in content.items() if field not in OLD_NUMBERS}
            for part, content in review["content"].items()
        }
    return clean_rows


def without_issues(value):
    if isinstance(value, list):
        return [without_issues(item) for item in value]
    if isinstance(value, dict):
        return {name: without_issues(item) for name, item in value.items() if name != "dataIssues"}
    return value


@pytest.fixture
async def by_dialect(gateway, sandbox):
    """What the gateway returns for the same platforms in each dialect."""
    answers = {}
    for each in Dialect:
        sandbox.options = replace(sandbox.options, dialect=each)
        sandbox.reset()
        answers[each] = await read(gateway)
    return answers


async def test_clean_records_are_equal_in_all_dialects(by_dialect):
    for each in (Dialect.EXAMPLES, Dialect.MIXED):
        for code in CODES:
            one, other = clean(by_dialect[Dialect.DOCUMENTED][code]), clean(by_dialect[each][code])
            for name in one:
                assert without_issues(one[name]) == without_issues(other[name]), (each, code, name)


async def test_documented_dialect_has_only_the_known_issue(gateway):
    """An audit type where the kind of occupant should be: so the preface prints it (quirk 92)."""
    issues = [issue for each in objects(await read(gateway)) for issue in each["dataIssues"]]
    assert {(issue["field"], issue["problem"], issue["raw"] == "业主绑定") for issue in issues} == {
        ("occupantType", "UNRECOGNIZED_VALUE", False),
        ("occupantType", "CONTRADICTORY", True),
    }
    assert all(issue["raw"].endswith(("绑定", "业主")) for issue in issues)
