"""Platform faults at the HTTP edge: the fields of the platform are errors, the others are unchanged."""

import asyncio
import re
from itertools import product

import pytest
from odd_answers import Upstream
from platform_answers import LOGINS

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
    FaultKind.EXPIRED_TOKEN: "UPSTREAM_AUTH",
    **dict.fromkeys((FaultKind.HANG, FaultKind.LATENCY, FaultKind.SLOW_DRIP), TIMEOUT),
    **dict.fromkeys((FaultKind.RESET, FaultKind.TOO_MANY_REQUESTS, FaultKind.TRUNCATED), "UPSTREAM_UNAVAILABLE"),
    **dict.fromkeys((FaultKind.HTTP_500, FaultKind.GZIP_BOMB, FaultKind.GARBAGE), "UPSTREAM_PROTOCOL"),
    **dict.fromkeys((FaultKind.EMPTY_BODY, FaultKind.WRONG_SHAPE, FaultKind.DEEP_NESTING), "UPSTREAM_PROTOCOL"),
    FaultKind.BODY: "UPSTREAM_PROTOCOL",
    **dict.fromkeys((FaultKind.PHP_NOTICE, FaultKind.BOM, FaultKind.GBK, FaultKind.TRAILING_COMMA), NO_ERROR),
    **dict.fromkeys((FaultKind.CLOSED_AFTER, FaultKind.REFUSED_BEFORE_COMMIT, FaultKind.APPLIED_LATE), NO_ERROR),
    **dict.fromkeys((FaultKind.APPLIED_THEN_RESET, FaultKind.APPLIED_THEN_500, FaultKind.APPLIED_THEN_HANG), NO_ERROR),
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
    foreign = {*re.findall(r"[\u4e00-\u9fff]+|[\w/.]*/[\w/.]+", pages), "http", "127.0.0.1", "<", "Kernel", "Attempts"}
    foreign |= {*sandbox.options.wjdh_credentials, *sandbox.options.security_credentials}
    return not any(word in text for word in foreign) and not re.search(r"\d{5}", text)


IMPATIENT = pytest.mark.settings(CALL_TIMEOUT=str(CALL_TIMEOUT))


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=IMPATIENT) if OUTCOMES[kind] == TIMEOUT else kind for kind in FaultKind]
)
async def test_fault_costs_the_fields_of_its_platform(gateway, sandbox, kind):
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
    for where in {*READS.values(), *LOGINS}:
        sandbox.expire_tokens()
        sandbox.faults.set(*where, Fault(FaultKind.HTTP_500))
        answer = await gateway.ask(*query)
        sandbox.faults.clear()
        lost = {".".join(error["path"]) for error in answer.errors}
        assert lost == {path for path, its in READS.items() if its == where or (where in LOGINS and its[0] == where[0])}
        assert all(at(answer.partial, path) == at(whole, path) for path in READS if path not in lost)
        assert {(its["extensions"]["platform"], its["extensions"]["endpoint"]) for its in answer.errors} == {where}


PLATFORMS = "{ platforms { name healthy endpoints { name availability circuit } } }"


@IMPATIENT
async def test_hanging_endpoint_opens_and_closes_its_circuit(gateway, sandbox, monkeypatch):
    query = '{ modules(communityCode: "10002") { name } orders(communityCode: "10002", first: 1) { totalCount } }'
    await gateway.ask(query)
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
    monkeypatch.setattr("gateway.ops.calls.COOLDOWN", 0.0)
    assert len((await gateway.ask(query)).data["modules"]) == 9
    wjdh, _ = (await gateway.ask(PLATFORMS)).data["platforms"]
    assert wjdh["healthy"]


@pytest.mark.settings(SECURITY_PEOPLE_PATH="", SECURITY_OWNER_PATH="", SECURITY_MODULES_PATH="")
async def test_unconfigured_fields_do_not_affect_others(gateway, sandbox):
    answer = await gateway.ask(*everything(sandbox))
    by_path = {".".join(error["path"]): error["extensions"]["code"] for error in answer.errors}
    assert by_path == {path: "NOT_CONFIGURED" for path, (platform, _) in READS.items() if platform == "SECURITY"}
    assert sandbox.count("SECURITY", "token") == 0
    _, security = (await gateway.ask(PLATFORMS)).data["platforms"]
    assert security["healthy"]
    unset = {each["name"] for each in security["endpoints"] if each["availability"] == "NOT_CONFIGURED"}
    assert unset == {"people", "owner", "modules-sync"}


SIZE = 1024 * 1024

TOO_MANY_VALUES = "The answer has too many values."

REFUSED = {
    **dict.fromkeys(("rows", "bare", "empty", "deep", "nested", "values", "lists"), TOO_MANY_VALUES),
    **dict.fromkeys(("literal", "hidden", "quotes"), TOO_MANY_VALUES),
    "page": "The answer does not have the documented shape: expected 1000 rows on a page at most.",
}
QUERIES = {
    "order/list": 'orders(communityCode: "{}1") {{ nodes {{ title }} }}',
    "shenheList": 'shenhes(communityCode: "{}1") {{ nodes {{ type }} }}',
    "people": 'people(name: "{}1", phone: "19900010001") {{ name }}',
}
SMALL = 'small: orders(communityCode: "small1") { nodes { title } }'


async def test_undocumented_answer_costs_its_field(environ, serve):
    server = await asyncio.start_server(Upstream(SIZE).serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    places = {"GATEWAY_WJDH_URL": base, "GATEWAY_SECURITY_URL": base, "GATEWAY_SECURITY_PEOPLE_PATH": "/api/people"}
    async with server, serve({**environ, **places}) as gateway:
        for (endpoint, query), (shape, message) in product(QUERIES.items(), REFUSED.items()):
            if (endpoint, shape) != ("people", "page"):  # one person is no page
                answer = await gateway.ask(f"{{ odd: {query.format(shape)} {SMALL} }}")
                assert answer.partial == {"odd": None, "small": {"nodes": [{"title": "x"}]}}, shape
                assert (answer.code, answer.error["message"]) == ("UPSTREAM_PROTOCOL", message), shape
                assert answer.error["extensions"]["endpoint"] == endpoint, shape
        for shape in ("text", "digits", "escaped"):  # long, and no more
            [order] = (await gateway.read(f'{{ orders(communityCode: "{shape}1") {{ nodes {{ remark }} }} }}'))["nodes"]
            assert len(order["remark"]) > SIZE // 7
