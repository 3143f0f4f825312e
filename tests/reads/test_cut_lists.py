"""Lists whose later pages cannot be had: what was read is shown, with an error beside it and a cursor to go on from.
And lists whose platform caps its pages, and does not say so.
"""

from dataclasses import replace

import pytest

from gateway.sandbox.dialects import paging
from gateway.sandbox.endpoint import RefusedError
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import Variant
from gateway.sandbox.wjdh import repair, shenhe
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
async def sandbox(variant):
    async with Sandbox(SandboxOptions(variant=variant)) as sandbox:
        yield sandbox


@pytest.fixture
def environ(environ, execution):
    return environ | {"GATEWAY_COMMUNITIES": ",".join(CODES)}


@pytest.fixture
def refuse_pages(sandbox, monkeypatch):
    """`refuse_pages(2)`: order/list refuses the second page, until `refuse_pages()`."""
    refused = set()
    orders = sandbox._wjdh._orders
    answer = orders._filtered

    def filtered(community, form):
        if int(form["page"]) in refused:
            raise RefusedError(1, "系统繁忙")
        return answer(community, form)

    monkeypatch.setattr(orders, "_filtered", filtered)

    def refuse(*numbers):
        refused.clear()
        refused.update(numbers)

    return refuse


def ids(part):
    return [node["platformId"] for node in part["nodes"]]


def newest(world, code="10002"):
    return [row.id for row in reversed(world.orders_of[code])]


class TestLaterPageRefused:
    async def test_rows_read_are_shown_with_the_error_and_the_rest_later(self, gateway, sandbox, refuse_pages):
        refuse_pages(2)
        for first, calls in ((20, 2), (20, 2), (20, 2), (60, 4)):  # by a plan at last
            sandbox.reset_calls()
            answer = await gateway.ask(ONE_COMMUNITY, {"first": first})

            part = answer.partial["orders"]
            assert ids(part) == newest(sandbox.world)[:FIRST_PAGE]
            assert part["totalCount"] == 60
            assert part["pageInfo"]["hasNextPage"] is True
            assert answer.code == "UPSTREAM_REFUSED"
            assert answer.error["path"] == ["orders"]
            assert answer.error["locations"]
            assert sandbox.count("WJDH", "order/list") == calls
        refuse_pages()

        after = part["pageInfo"]["endCursor"]
        rest = (await gateway.ask(ONE_COMMUNITY, {"first": 100, "after": after})).data["orders"]

        assert ids(part) + ids(rest) == newest(sandbox.world)
        assert rest["pageInfo"]["hasNextPage"] is False

    async def test_list_going_on_from_a_cursor_is_cut_as_well(self, gateway, sandbox, refuse_pages):
        after = (await gateway.ask(ONE_COMMUNITY, {"first": 3})).data["orders"]["pageInfo"]["endCursor"]
        refuse_pages(2)

        answer = await gateway.ask(ONE_COMMUNITY, {"after": after})

        part = answer.partial["orders"]
        assert ids(part) == newest(sandbox.world)[3:FIRST_PAGE]
        assert part["pageInfo"]["hasNextPage"] is True
        assert answer.code == "UPSTREAM_REFUSED"
        refuse_pages()
        rest = (await gateway.ask(ONE_COMMUNITY, {"first": 100, "after": part["pageInfo"]["endCursor"]})).data["orders"]
        assert ids(rest) == newest(sandbox.world)[FIRST_PAGE:]

    async def test_only_a_page_that_is_needed_is_an_error(self, gateway, sandbox, refuse_pages):
        refuse_pages(2)
        answer = await gateway.ask(ONE_COMMUNITY, {"first": 15, "page": 2})

        assert answer.partial == {"orders": None}
        assert answer.code == "UPSTREAM_REFUSED"
        assert ids((await gateway.ask(ONE_COMMUNITY, {"first": 15})).data["orders"]) == newest(sandbox.world)[:15]

    async def test_error_stands_at_the_list_within_others(self, gateway, sandbox, refuse_pages):
        refuse_pages(2)
        query = "{ viewer { communities { code mine: orders(first: 20) { nodes { number } } } } }"
        for _ in range(3):
            answer = await gateway.ask(query)

            found = answer.partial["viewer"]["communities"]
            assert [len(each["mine"]["nodes"]) for each in found] == [FIRST_PAGE] * 3
            assert sorted(error["path"] for error in answer.errors) == [
                ["viewer", "communities", at, "mine"] for at in range(3)
            ]

    async def test_traced_operation_reports_it_once(self, gateway, refuse_pages):
        refuse_pages(2)
        headers = {"x-trace": "1", "authorization": f"Bearer {gateway.token}"}
        for _ in range(2):
            response = await gateway.stranger.post("/graphql", json={"query": ONE_COMMUNITY}, headers=headers)

            assert [error["path"] for error in response.json()["errors"]] == [["orders"]]
            assert len(response.json()["data"]["orders"]["nodes"]) == FIRST_PAGE


class TestSeveralCommunities:
    async def test_community_cut_short_costs_what_follows_until_it_is_there(self, gateway, sandbox, refuse_pages):
        refuse_pages(2)
        answer = await gateway.ask(SEVERAL_COMMUNITIES)

        shown = [number for code in CODES for number in newest(sandbox.world, code)[:FIRST_PAGE]]
        assert ids(answer.partial["orders"]) == sorted(shown, reverse=True)
        assert answer.partial["orders"]["totalCount"] == 120
        assert {error["extensions"]["communityCode"] for error in answer.errors} == set(CODES)
        assert answer.partial["orders"]["pageInfo"]["hasNextPage"] is True

        refuse_pages()
        after = answer.partial["orders"]["pageInfo"]["endCursor"]
        rest = (await gateway.ask(SEVERAL_COMMUNITIES, {"after": after})).data["orders"]
        wanted = [number for code in CODES for number in newest(sandbox.world, code)]
        assert sorted(ids(answer.partial["orders"]) + ids(rest)) == sorted(wanted)
        assert rest["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize("variant", [Variant(turns_pages=False)])
class TestPagesIgnored:
    async def test_first_page_is_shown_once_and_no_row_beyond(self, gateway, sandbox):
        answer = await gateway.ask(ONE_COMMUNITY)

        part = answer.partial["orders"]
        assert ids(part) == newest(sandbox.world)[:FIRST_PAGE]
        assert part["totalCount"] == 60
        assert part["pageInfo"]["hasNextPage"] is True
        assert answer.code == "UPSTREAM_PROTOCOL"
        assert answer.error["message"] == "The platform gives only the first page of this list."
        assert sandbox.count("WJDH", "order/list") == 2

        answer = await gateway.ask(ONE_COMMUNITY, {"after": part["pageInfo"]["endCursor"]})
        assert answer.partial == {"orders": None}
        assert answer.error["message"] == "The platform gives only the first page of this list."


@pytest.mark.parametrize("variant", [Variant(turns_pages=False, counts_pages=True)])
class TestPagesCountedAndIgnored:
    """The same rows come again under the number of the page that was asked for."""

    @pytest.mark.parametrize("first", [20, 60])
    async def test_rows_that_come_again_are_not_shown_twice(self, gateway, sandbox, first):
        answer = await gateway.ask(ONE_COMMUNITY, {"first": first})

        part = answer.partial["orders"]
        assert ids(part) == newest(sandbox.world)[:FIRST_PAGE]
        assert part["pageInfo"]["hasNextPage"] is True
        assert answer.error["message"] == "The platform gives only the first page of this list."

    @pytest.mark.parametrize("first", [3, 14, 15])
    async def test_cursor_within_the_first_page_shows_the_rest_of_it(self, gateway, sandbox, first):
        after = (await gateway.ask(ONE_COMMUNITY, {"first": first})).data["orders"]["pageInfo"]["endCursor"]

        answer = await gateway.ask(ONE_COMMUNITY, {"after": after})

        shown = ids(answer.partial["orders"]) if answer.partial["orders"] else []
        assert shown == newest(sandbox.world)[first:FIRST_PAGE]
        assert answer.error["message"] == "The platform gives only the first page of this list."


def add_rows(world, list_name, count=24):
    """So many more that wait in 10002."""
    rows, listed = getattr(world, list_name), getattr(world, f"{list_name}_of")["10002"]
    like = next(
        row for row in listed if getattr(row, "status", None) == 2 or getattr(row, "is_resolved", True) is False
    )
    for number in range(900, 900 + count):
        rows[number] = replace(like, id=number)
        listed.append(rows[number])
    return [row.id for row in listed if getattr(row, "status", None) == 2 or getattr(row, "is_resolved", True) is False]


async def walk(gateway, list_name, status, first, between=lambda met: None):
    """Every page of what waits in 10002, and its answers."""
    arguments = f'communityCode: "10002", first: $first, after: $after, filter: {{status: {status}}}'
    query = f"query ($first: Int!, $after: String) {{ {list_name}({arguments}) {{ {PART} }} }}"
    met, after, more = [], None, True
    while more:
        part = (await gateway.ask(query, {"first": first, "after": after})).data[list_name]
        met += ids(part)
        after, more = part["pageInfo"]["endCursor"], part["pageInfo"]["hasNextPage"]
        assert bool(after) >= more
        between(met)
    return met


WAITING = [("shenhes", "PENDING"), ("repairs", "OPEN")]


@pytest.mark.parametrize("variant", [Variant(), Variant(replaced={"per_page": "size"})])
@pytest.mark.parametrize(("list_name", "status"), WAITING)
class TestCappedPages:
    @pytest.fixture(autouse=True)
    def cap(self, monkeypatch):
        for module in (shenhe, repair):
            monkeypatch.setattr(module, "page_in", lambda *given: (page_in(*given)[0], min(15, page_in(*given)[1])))

    @pytest.mark.parametrize("first", [7, 20, 50])
    async def test_every_row_is_shown(self, gateway, sandbox, list_name, status, first):
        waiting = add_rows(sandbox.world, list_name)

        assert await walk(gateway, list_name, status, first) == waiting

    async def test_page_by_number_is_whole(self, gateway, sandbox, list_name, status):
        waiting = add_rows(sandbox.world, list_name)
        query = f"""{{ {list_name}(communityCode: "10002", first: 20, page: 2, filter: {{status: {status}}})
            {{ {PART} }} }}"""

        assert ids((await gateway.ask(query)).data[list_name]) == waiting[20:40]


async def test_walk_mixes_no_pages_of_different_ages(environ, serve, sandbox):
    waiting = add_rows(sandbox.world, "repairs")

    def resolve(met):
        for number in met:
            sandbox.world.repairs[number].is_resolved = True

    async with serve(environ | {"GATEWAY_CACHE": "repairs=60"}) as gateway:
        assert await walk(gateway, "repairs", "OPEN", 3, resolve) == waiting


async def test_platform_that_counts_more_than_it_gives_is_an_error(gateway, sandbox, monkeypatch):
    waiting = add_rows(sandbox.world, "repairs", 3)
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda *given: {**pages(*given), "total": len(waiting) + 3})
    query = f"""query ($after: String) {{ repairs(communityCode: "10002", first: 50, after: $after,
        filter: {{status: OPEN}}) {{ {PART} }} }}"""

    part = (await gateway.ask(query)).data["repairs"]
    answer = await gateway.ask(query, {"after": part["pageInfo"]["endCursor"]})

    assert (ids(part), part["pageInfo"]["hasNextPage"]) == (waiting, True)
    assert answer.partial == {"repairs": None}
    assert answer.code == "UPSTREAM_PROTOCOL"
