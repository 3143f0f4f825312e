"""Lists whose later pages cannot be had: what was read is shown, with an error beside it and a cursor to go on from."""

import pytest
from listed import expected_ids, ids
from platform_answers import interpose

from gateway.sandbox.dialects import paging
from gateway.sandbox.server import SandboxOptions
from gateway.sandbox.variant import Variant
from gateway.sandbox.wjdh import repair
from gateway.sandbox.wjdh.context import page_in

CODES = ("10002", "00001", "10003")
FIRST_PAGE = 15

PART = "totalCount nodes { platformId } pageInfo { hasNextPage endCursor }"
ONE_COMMUNITY = f"""query ($first: Int! = 20, $after: String, $page: Int) {{
    orders(communityCode: "10002", first: $first, after: $after, page: $page) {{ {PART} }} }}"""
SEVERAL_COMMUNITIES = f"query ($after: String) {{ orders(first: 100, after: $after) {{ {PART} }} }}"


@pytest.fixture
def variant():
    return Variant()


@pytest.fixture
def sandbox_options(variant):
    return SandboxOptions(variant=variant)


pytestmark = [pytest.mark.usefixtures("execution"), pytest.mark.settings(COMMUNITIES=",".join(CODES))]


@pytest.fixture
def refused(sandbox):
    """The numbers of the pages that are refused of orders and of open repairs: the second one."""
    numbers, refusal = {"2"}, '{"code": 1, "msg": "系统繁忙"}'.encode()

    def answer(form, carry_out):
        return refusal if form["page"] in numbers and form.get("status", "0") == "0" else carry_out()

    for endpoint in ("order/list", "repair/list"):
        interpose(sandbox, endpoint, answer)
    return numbers


@pytest.fixture
def newest(sandbox):
    """The orders of 10002."""
    return expected_ids(sandbox.world, "orders", "10002")


class TestLaterPageRefused:
    async def test_rows_read_are_shown_with_the_error_and_the_rest_later(self, gateway, sandbox, newest, refused):
        for first, calls in ((20, 2), (20, 2), (20, 2), (60, 4)):  # by a plan at last
            sandbox.reset_calls()
            answer = await gateway.ask(ONE_COMMUNITY, {"first": first})

            part = answer.partial["orders"]
            assert ids(part) == newest[:FIRST_PAGE]
            assert (part["totalCount"], part["pageInfo"]["hasNextPage"]) == (60, True)
            assert (answer.code, answer.error["path"]) == ("UPSTREAM_REFUSED", ["orders"])
            assert answer.error["locations"]
            assert sandbox.count("WJDH", "order/list") == calls
        refused.clear()

        after = part["pageInfo"]["endCursor"]
        rest = (await gateway.ask(ONE_COMMUNITY, {"first": 100, "after": after})).data["orders"]

        assert ids(part) + ids(rest) == newest
        assert rest["pageInfo"]["hasNextPage"] is False

    async def test_only_a_page_that_is_needed_is_an_error(self, gateway, newest, refused):
        answer = await gateway.ask(ONE_COMMUNITY, {"first": 15, "page": 2})
        assert (answer.partial, answer.code) == ({"orders": None}, "UPSTREAM_REFUSED")
        assert ids((await gateway.ask(ONE_COMMUNITY, {"first": 15})).data["orders"]) == newest[:15]
        after = (await gateway.ask(ONE_COMMUNITY, {"first": 3})).data["orders"]["pageInfo"]["endCursor"]
        answer = await gateway.ask(ONE_COMMUNITY, {"after": after})
        part = answer.partial["orders"]
        assert ids(part) == newest[3:FIRST_PAGE]
        assert (answer.code, part["pageInfo"]["hasNextPage"]) == ("UPSTREAM_REFUSED", True)

    async def test_error_stands_at_the_list_within_others(self, gateway, refused):
        query = "{ viewer { communities { code mine: orders(first: 20) { nodes { number } } } } }"
        for _ in range(3):
            answer = await gateway.ask(query)
            found = answer.partial["viewer"]["communities"]
            assert [len(each["mine"]["nodes"]) for each in found] == [FIRST_PAGE] * 3
            assert sorted(error["path"] for error in answer.errors) == [
                ["viewer", "communities", at, "mine"] for at in range(3)
            ]

    async def test_operation_reports_it_once(self, gateway, refused):
        """Traced, and of several communities with a field that is wrong: then all fields are resolved again."""
        wrong = SEVERAL_COMMUNITIES.replace("nodes {", "nodes { house { orders(first: 0) { totalCount } }")
        for query, headers, times in ((ONE_COMMUNITY, {"x-trace": "1"}, 1), (wrong, {}, len(CODES))):
            for _ in range(2):
                answer = await gateway.ask(query, headers=headers)
                assert [error["path"] for error in answer.errors if len(error["path"]) == 1] == [["orders"]] * times
                assert len(answer.partial["orders"]["nodes"]) == FIRST_PAGE * times


async def test_community_cut_short_costs_what_follows_until_it_is_there(gateway, sandbox, refused):
    answer = await gateway.ask(SEVERAL_COMMUNITIES)

    shown = [number for code in CODES for number in expected_ids(sandbox.world, "orders", code)[:FIRST_PAGE]]
    assert ids(answer.partial["orders"]) == sorted(shown, reverse=True)
    assert answer.partial["orders"]["totalCount"] == 120
    assert {error["extensions"]["communityCode"] for error in answer.errors} == set(CODES)
    assert answer.partial["orders"]["pageInfo"]["hasNextPage"] is True

    refused.clear()
    after = answer.partial["orders"]["pageInfo"]["endCursor"]
    rest = (await gateway.ask(SEVERAL_COMMUNITIES, {"after": after})).data["orders"]
    wanted = [number for code in CODES for number in expected_ids(sandbox.world, "orders", code)]
    assert sorted(ids(answer.partial["orders"]) + ids(rest)) == sorted(wanted)
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_no_row_comes_before_those_that_were_not_read(gateway, sandbox, refused, monkeypatch):
    """No resolved repair before an open one."""
    monkeypatch.setattr(repair, "page_in", lambda *given: (page_in(*given)[0], min(3, page_in(*given)[1])))
    query = f'query ($after: String) {{ repairs(communityCode: "10002", first: 20, after: $after) {{ {PART} }} }}'
    wanted = expected_ids(sandbox.world, "repairs", "10002")
    part = (await gateway.ask(query)).partial["repairs"]
    assert ids(part) == wanted[:3]
    refused.clear()
    assert ids(await gateway.read(query, {"after": part["pageInfo"]["endCursor"]})) == wanted[3:23]


ONLY_FIRST = "The platform returns only the first page of this list."


@pytest.mark.parametrize("variant", [Variant(turns_pages=False, counts_pages=counts) for counts in (False, True)])
class TestPagesIgnored:
    """Where they are counted, the same rows come again under the number of the page that was asked for."""

    async def test_first_page_is_shown_once_and_no_row_beyond(self, gateway, sandbox, newest):
        for first in (20, 60):
            sandbox.reset_calls()
            answer = await gateway.ask(ONE_COMMUNITY, {"first": first})
            part = answer.partial["orders"]
            assert ids(part) == newest[:FIRST_PAGE]
            assert (part["totalCount"], part["pageInfo"]["hasNextPage"]) == (60, True)
            assert (answer.code, answer.error["message"]) == ("UPSTREAM_PROTOCOL", ONLY_FIRST)
            assert first == 60 or sandbox.count("WJDH", "order/list") == 2

    async def test_cursor_within_the_first_page_shows_the_rest_of_it(self, gateway, newest):
        for first in (3, 14, 15):
            after = (await gateway.ask(ONE_COMMUNITY, {"first": first})).data["orders"]["pageInfo"]["endCursor"]
            answer = await gateway.ask(ONE_COMMUNITY, {"after": after})
            shown = ids(answer.partial["orders"]) if answer.partial["orders"] else None
            assert shown == (newest[first:FIRST_PAGE] or None)
            assert answer.error["message"] == ONLY_FIRST


@pytest.mark.parametrize("variant", [Variant(), Variant(replaced={"per_page": "size"})])
async def test_capped_page_by_its_number_is_whole(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(repair, "page_in", lambda *given: (page_in(*given)[0], min(3, page_in(*given)[1])))
    query = f'{{ repairs(communityCode: "10002", first: 4, page: 2, filter: {{status: OPEN}}) {{ {PART} }} }}'
    waiting = [row.id for row in sandbox.world.repairs_of["10002"] if not row.is_resolved]
    assert ids((await gateway.ask(query)).data["repairs"]) == waiting[4:8]


async def test_platform_that_counts_more_than_it_gives_is_an_error(gateway, sandbox, monkeypatch):
    waiting = [row.id for row in sandbox.world.repairs_of["10002"] if not row.is_resolved]
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda *given: {**pages(*given), "total": len(waiting) + 3})
    query = f"""query ($after: String) {{ repairs(communityCode: "10002", first: 50, after: $after,
        filter: {{status: OPEN}}) {{ {PART} }} }}"""
    part = (await gateway.ask(query)).data["repairs"]
    answer = await gateway.ask(query, {"after": part["pageInfo"]["endCursor"]})
    assert (ids(part), part["pageInfo"]["hasNextPage"]) == (waiting, True)
    assert answer.partial == {"repairs": None}
    assert answer.code == "UPSTREAM_PROTOCOL"
