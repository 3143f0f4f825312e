"""Platform faults at the HTTP edge: the fields of the platform are errors, the others are unchanged."""

import asyncio
import re
import time

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.garbling import ERROR_PAGE, LOGIN_PAGE, TOO_MANY_ATTEMPTS

CALL_TIMEOUT = 3.0
"""What a call may take, in seconds, where a test waits for just that to pass."""

READS = {
    "shenhes": ("WJDH", "shenheList"),
    "shenhe": ("WJDH", "shenhe"),
    "orders": ("WJDH", "order/list"),
    "order": ("WJDH", "order/list"),
    "repairs": ("WJDH", "repair/list"),
    "repair": ("WJDH", "repair"),
    "modules": ("WJDH", "modules"),
    "people": ("SECURITY", "people"),
    "house.owner": ("SECURITY", "owner"),
    "communities": ("SECURITY", "modules-sync"),
}
"""Each field of the query below by its path, and where it is read from."""

EVERYTHING = """
query Everything($number: String!) {
  shenhes(communityCode: "10002", first: 2) { totalCount nodes { id status } }
  shenhe(id: "3") { id status }
  orders(communityCode: "10002", first: 2) { totalCount nodes { id number house { address } } }
  order(communityCode: "10002", number: $number) { id number }
  repairs(communityCode: "10002", first: 2) { totalCount nodes { id status reporter { phone } } }
  repair(id: "3") { id status }
  modules(communityCode: "10002") { id name enabled }
  people(name: "王芳", phone: "19900000002") { name residencies { house { address } } }
  house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { address owner { phone } }
  communities { code }
}
"""

NO_ERROR = None
TIMEOUT = "UPSTREAM_TIMEOUT"
OUTCOMES = {
    FaultKind.RESET: "UPSTREAM_UNAVAILABLE",
    FaultKind.HTTP_500: "UPSTREAM_PROTOCOL",
    FaultKind.TOO_MANY_REQUESTS: "UPSTREAM_UNAVAILABLE",
    FaultKind.EXPIRED_TOKEN: "UPSTREAM_AUTH",
    FaultKind.HANG: TIMEOUT,
    FaultKind.REFUSED_BEFORE_COMMIT: NO_ERROR,
    FaultKind.LATENCY: TIMEOUT,
    FaultKind.SLOW_DRIP: TIMEOUT,
    FaultKind.TRUNCATED: "UPSTREAM_UNAVAILABLE",
    FaultKind.CLOSED_AFTER: NO_ERROR,
    FaultKind.GZIP_BOMB: "UPSTREAM_PROTOCOL",
    FaultKind.GARBAGE: "UPSTREAM_PROTOCOL",
    FaultKind.EMPTY_BODY: "UPSTREAM_PROTOCOL",
    FaultKind.WRONG_SHAPE: "UPSTREAM_PROTOCOL",
    FaultKind.DEEP_NESTING: "UPSTREAM_PROTOCOL",
    FaultKind.PHP_NOTICE: NO_ERROR,
    FaultKind.BOM: NO_ERROR,
    FaultKind.GBK: NO_ERROR,
    FaultKind.TRAILING_COMMA: NO_ERROR,
    FaultKind.BODY: "UPSTREAM_PROTOCOL",
    FaultKind.APPLIED_THEN_RESET: NO_ERROR,
    FaultKind.APPLIED_THEN_500: NO_ERROR,
    FaultKind.APPLIED_THEN_HANG: NO_ERROR,
    FaultKind.APPLIED_LATE: NO_ERROR,
}
"""The code that each fault gives a read; a fault of writes, or one that can be read around, gives none."""

LEAKING_BODY = "服务器错误 王芳 19900000002 999302199211302226 http://tc.mg.cool/api sql: select * from people".encode()


def at(data, path):
    for name in path.split("."):
        data = data[name]
    return data


def everything(sandbox):
    return EVERYTHING, {"number": sandbox.world.orders[20].number}


def discloses_no_platform_data(sandbox, error):
    """No text or address of the platform, no personal number, no secret."""
    text = str({**error, "extensions": {**error["extensions"], "requestId": ""}})
    pages = (ERROR_PAGE + LOGIN_PAGE + TOO_MANY_ATTEMPTS + LEAKING_BODY).decode()
    foreign = set(re.findall(r"[\u4e00-\u9fff]+|[\w/.]*/[\w/.]+", pages)) | {
        "http",
        "127.0.0.1",
        "<",
        "Kernel",
        "Attempts",
    }
    foreign |= {*sandbox.options.wjdh_credentials, *sandbox.options.security_credentials}
    return not any(word in text for word in foreign) and not re.search(r"\d{5}", text)


def test_fault_table_is_complete():
    assert set(OUTCOMES) == set(FaultKind)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if OUTCOMES[kind] != TIMEOUT])
async def test_fault_costs_the_fields_of_its_platform(gateway, sandbox, kind):
    await query_with_each_platform_failing(gateway, sandbox, kind)


async def query_with_each_platform_failing(gateway, sandbox, kind):
    query = everything(sandbox)
    whole = (await gateway.ask(*query)).data
    seconds = CALL_TIMEOUT * 1.5 if kind is FaultKind.LATENCY else 0.05
    for platform in ("WJDH", "SECURITY"):
        sandbox.faults.set(platform, None, Fault(kind, seconds=seconds, body=LEAKING_BODY))

        answer = await gateway.ask(*query)

        sandbox.faults.clear()
        assert answer.response.status_code == 200
        if OUTCOMES[kind] is NO_ERROR:
            assert answer.data == whole
            continue
        by_path = {".".join(error["path"]): error for error in answer.errors}
        assert set(by_path) == {path for path, (where, _) in READS.items() if where == platform}
        for path, where in READS.items():
            if path not in by_path:
                assert at(answer.partial, path) == at(whole, path)
                continue
            assert at(answer.partial, path) is None
            extensions = by_path[path]["extensions"]
            assert extensions["code"] == OUTCOMES[kind]
            assert (extensions["platform"], extensions["endpoint"]) == where
            assert discloses_no_platform_data(sandbox, by_path[path])
        assert (await gateway.ask(*query)).data == whole


async def test_fault_of_one_endpoint_costs_its_fields_only(gateway, sandbox):
    query = everything(sandbox)
    whole = (await gateway.ask(*query)).data
    for where in set(READS.values()):
        sandbox.faults.set(*where, Fault(FaultKind.HTTP_500))

        answer = await gateway.ask(*query)

        sandbox.faults.clear()
        lost = {".".join(error["path"]) for error in answer.errors}
        assert lost == {path for path, its in READS.items() if its == where}
        assert all(at(answer.partial, path) == at(whole, path) for path in READS if path not in lost)


async def test_gateway_answers_with_both_platforms_down(gateway, sandbox):
    sandbox.faults.set("WJDH", None, Fault(FaultKind.RESET))
    sandbox.faults.set("SECURITY", None, Fault(FaultKind.RESET))
    query, variables = everything(sandbox)
    own = 'viewer { subject } dictionaries { name } community(code: "1") { code }'

    answer = await gateway.ask(query.rstrip().removesuffix("}") + own + "}", variables)

    assert answer.response.status_code == 200
    assert answer.partial["viewer"]["subject"]
    assert answer.partial["dictionaries"]
    assert answer.partial["community"] == {"code": "1"}
    assert answer.partial["house"] == {"address": "10002 1-1-1-101", "owner": None}
    assert {".".join(error["path"]) for error in answer.errors} == set(READS)


@pytest.mark.parametrize(("platform", "login"), [("WJDH", "secret"), ("SECURITY", "token")])
async def test_failed_login_is_named_as_the_endpoint(gateway, sandbox, platform, login):
    sandbox.faults.set(platform, login, Fault(FaultKind.HTTP_500))
    answer = await gateway.ask(*everything(sandbox))
    by_path = {error["extensions"]["endpoint"] for error in answer.errors}
    assert by_path == {login}
    assert {error["extensions"]["platform"] for error in answer.errors} == {platform}


async def test_refusal_is_not_an_empty_list(gateway, sandbox):
    body = '{"code": 1, "msg": "获取订单列表成功", "message": "Order156", "data": [], "pages": null}'
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.BODY, body=body.encode()))
    answer = await gateway.ask('{ orders(communityCode: "10002") { totalCount nodes { id } } }')
    assert answer.partial == {"orders": None}
    assert answer.code == "UPSTREAM_REFUSED"
    assert answer.error["extensions"]["upstreamCode"] == 1
    assert answer.error["extensions"]["upstreamMessage"] is None
    assert "Order156" not in answer.response.text


async def test_failed_later_page_leaves_the_rows_before_it(gateway, sandbox, monkeypatch):
    query = '{ orders(communityCode: "10002", first: 20) { nodes { id } pageInfo { hasNextPage } } }'
    await gateway.ask(query)
    faults = iter((None, Fault(FaultKind.HTTP_500)))
    monkeypatch.setattr(sandbox.faults, "take", lambda platform, endpoint: next(faults))

    answer = await gateway.ask(query)

    assert len(answer.partial["orders"]["nodes"]) == 15
    assert answer.partial["orders"]["pageInfo"]["hasNextPage"] is True
    assert answer.code == "UPSTREAM_PROTOCOL"


async def test_failed_owner_costs_one_order_its_owner(gateway, sandbox):
    query = '{ orders(communityCode: "10002", first: 10) { nodes { house { address owner { phone } } } } }'
    whole = (await gateway.ask(query)).data["orders"]["nodes"]
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HTTP_500), times=1)
    answer = await gateway.ask(query)
    *path, last = answer.error["path"]
    assert (path[:2], path[3:], last) == (["orders", "nodes"], ["house"], "owner")
    partial = answer.partial["orders"]["nodes"]
    assert partial[path[2]]["house"]["owner"] is None
    assert [node for index, node in enumerate(partial) if index != path[2]] == [
        node for index, node in enumerate(whole) if index != path[2]
    ]


PLATFORMS = "{ platforms { name healthy endpoints { name availability circuit } } }"


class TestShortTimeout:
    @pytest.fixture
    def environ(self, environ):
        return environ | {"GATEWAY_CALL_TIMEOUT": str(CALL_TIMEOUT)}

    @pytest.mark.parametrize("kind", [kind for kind in FaultKind if OUTCOMES[kind] == TIMEOUT])
    async def test_timeout_costs_the_fields_of_its_platform(self, gateway, sandbox, kind):
        await query_with_each_platform_failing(gateway, sandbox, kind)

    async def test_hanging_endpoint_opens_and_closes_its_circuit(self, gateway, sandbox, monkeypatch):
        query = '{ modules(communityCode: "10002") { name } orders(communityCode: "10002", first: 1) { totalCount } }'
        await gateway.ask(query)
        breaker = gateway.parts.platforms.wjdh.routes["modules"].breaker
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        # Equal reads are shared: eight failures take eight questions.
        await asyncio.gather(
            *(gateway.ask(f'{{ modules(communityCode: "1000{number}") {{ name }} }}') for number in range(8))
        )
        sandbox.reset_calls()

        answer = await gateway.ask(query)

        assert answer.partial["modules"] is None
        assert answer.partial["orders"]["totalCount"] > 0
        assert answer.code == "UPSTREAM_UNAVAILABLE"
        assert answer.error["extensions"]["retryable"] is True
        assert sandbox.count("WJDH", "modules") == 0
        wjdh, security = (await gateway.ask(PLATFORMS)).data["platforms"]
        assert (wjdh["healthy"], security["healthy"]) == (False, True)
        assert {each["name"] for each in wjdh["endpoints"] if each["circuit"] != "CLOSED"} == {"modules"}

        sandbox.faults.clear()
        later = time.monotonic() + 5
        monkeypatch.setattr(breaker, "_clock", lambda: later)
        assert len((await gateway.ask(query)).data["modules"]) == 9
        wjdh, _ = (await gateway.ask(PLATFORMS)).data["platforms"]
        assert wjdh["healthy"]


class TestUnconfiguredSecurityPlatform:
    @pytest.fixture
    def environ(self, environ):
        unset = {f"GATEWAY_SECURITY_{endpoint}_PATH" for endpoint in ("PEOPLE", "OWNER", "MODULES")}
        return {name: value for name, value in environ.items() if name not in unset}

    async def test_unconfigured_fields_do_not_affect_others(self, gateway, sandbox):
        answer = await gateway.ask(*everything(sandbox))
        by_path = {".".join(error["path"]): error["extensions"]["code"] for error in answer.errors}
        assert by_path == {path: "NOT_CONFIGURED" for path, (platform, _) in READS.items() if platform == "SECURITY"}
        assert sandbox.count("SECURITY", "token") == 0
        _, security = (await gateway.ask(PLATFORMS)).data["platforms"]
        assert security["healthy"]
        unset = {each["name"] for each in security["endpoints"] if each["availability"] == "NOT_CONFIGURED"}
        assert unset == {"people", "owner", "modules-sync"}
