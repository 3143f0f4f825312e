"""The TypeScript of the pages and of examples compiles in strict mode, and does what the page says."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLScalarType, is_specified_scalar_type
from pages import DOCS, PAGES, ROOT, blocks, read_text
from programs import run

from schema.build import executable_schema

NODE = ROOT / "tests" / "node"
TYPES = [kind for kind in executable_schema().type_map.values() if isinstance(kind, GraphQLObjectType)]

STRICT = {
    "strict": True,
    "skipLibCheck": True,
    "outDir": "built",
    "types": [],
    "target": "es2023",
    "lib": ["es2023", "dom", "dom.iterable"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
}
"""What a frontend's bundler has. Each block is a module of its own."""

pytestmark = pytest.mark.node


class Compiled(NamedTuple):
    """The directory with the blocks as JavaScript, `built/writes-2.js` for the third, and what the compiler said."""

    directory: Path
    said: str

    def block(self, page: str, name: str) -> str:
        """The JavaScript of the only block of that page which has `name`."""
        texts = [path.read_text(encoding="utf-8") for path in (self.directory / "built").glob(f"{page}-*.js")]
        (text,) = [text for text in texts if name in text]
        return text


@pytest.fixture(scope="module")
def compiled(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    directory = tmp_path_factory.mktemp("typescript")
    (directory / "node_modules").symlink_to(NODE / "node_modules")
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    shutil.copy(NODE / "reader.d.ts", directory)
    for page in PAGES:
        place = "-".join(page.with_suffix("").relative_to(ROOT).parts).removeprefix("docs-")
        for number, block in enumerate(blocks(page, "ts")):
            (directory / f"{place}-{number}.ts").write_text(block, encoding="utf-8")
    for path in (ROOT / "examples").glob("*.ts"):
        shutil.copy(path, directory / f"examples-{path.name}")
    said = run(NODE / "node_modules" / ".bin" / "tsc", cwd=directory, status=None).stdout
    return Compiled(directory, said)


def node(program: str) -> str:
    """What Node.js prints, with the packages of tests/node."""
    return run("node", "--input-type=module", "-e", program, cwd=NODE).stdout


def test_every_block_compiles_in_strict_mode(compiled: Compiled) -> None:
    assert len([*compiled.directory.glob("*-*.ts")]) >= 3
    assert compiled.said == ""


def failed(code: str, **more: Any) -> dict[str, Any]:
    return {"errors": [{"message": "", "extensions": {"code": code, "requestId": "1", **more}}]}


LOST: dict[str, Any] = {}
EXPIRED, TOO_LATE = failed("UNAUTHENTICATED"), failed("UPSTREAM_TIMEOUT", retryable=True)


def written(outcome: str, *codes: str) -> dict[str, Any]:
    errors = [{"code": code, "message": ""} for code in codes]
    return {"data": {"createOrder": {"outcome": outcome, "userErrors": errors}}}


@pytest.mark.parametrize(
    ("answers", "kinds"),
    [
        ([EXPIRED], ["failed"]),
        ([LOST, EXPIRED], ["unclear"]),
        ([TOO_LATE, EXPIRED], ["unclear"]),
        ([LOST, LOST, LOST, LOST, EXPIRED, written("CONFIRMED")], ["unclear", "unclear", "done"]),
        ([LOST, written("REFUSED", "IDEMPOTENCY_IN_PROGRESS"), written("CONFIRMED")], ["done"]),
        ([written("REFUSED", "IDEMPOTENCY_IN_PROGRESS"), EXPIRED], ["unclear"]),
        ([written("REFUSED", "PERSON_NOT_FOUND")], ["refused"]),
        ([written("UNKNOWN")], ["unclear"]),
    ],
)
def test_possibly_sent_write_is_not_called_failed(compiled, answers, kinds):
    program = f"""
        const answers = {json.dumps(answers)};
        globalThis.gql = String.raw;
        globalThis.setTimeout = (done) => done();
        globalThis.ask = async () => {{
          const answer = answers.shift();
          return "data" in answer || "errors" in answer ? answer : Promise.reject();
        }};
        {compiled.block("examples", "createOrder")}
        const write = {{ key: "1", pending: false }};
        while (answers.length) console.log((await createOrder({{}}, write)).kind);
    """
    assert node(program).split() == kinds


SOCKETS = """
        import WebSocket, { WebSocketServer } from "ws";
        globalThis.Event = { [Symbol.hasInstance]: (event) => "type" in event };
        globalThis.CloseEvent = { [Symbol.hasInstance]: (event) => "code" in event };
        globalThis.freshToken = async () => "";
        let connections = 0;
        const listen = (port, connected) =>
          new WebSocketServer({ port, handleProtocols: () => "graphql-transport-ws" }).on("connection", connected);
        const acknowledge = (socket) => socket.send('{"type": "connection_ack"}');
        const connectTo = (port, opened) => globalThis.WebSocket = class extends WebSocket {
          constructor(_url, protocol) {
            super(`ws://127.0.0.1:${port}`, protocol);
            opened(++connections);
          }
        };
"""
"""As of a browser, but that all go to one port. The events of ws are none of Node.js's own."""


@pytest.mark.parametrize(("accepted", "connections"), [(0, 1), (1, 2)])
def test_refused_connection_makes_the_user_log_in_again(compiled: Compiled, accepted: int, connections: int) -> None:
    """The first is acknowledged, and closed as when the token expires."""
    program = f"""{SOCKETS}
        const server = listen(0, (socket) => {{
          if (connections <= {accepted}) socket.on("message", () => acknowledge(socket));
          setTimeout(() => socket.close(4403), 100);
        }});
        connectTo(server.address().port, () => {{}});
        globalThis.logIn = async () => console.log(connections);
        {compiled.block("subscriptions", "createClient")}
        server.close();
    """
    assert node(program) == f"{connections}\n"


def test_subscription_survives_an_absent_gateway(compiled: Compiled) -> None:
    """The gateway closes as it restarts, and is back after ten unanswered attempts."""
    program = f"""{SOCKETS}
        const serve = (port, then) => listen(port, (socket) => socket.on("message", (text) => {{
          const {{ type, id }} = JSON.parse(text);
          if (type === "connection_init") acknowledge(socket);
          if (type === "subscribe") then(socket, id);
        }}));
        const first = serve(0, (socket) => {{ socket.close(1012); first.close(); }});
        const {{ port }} = first.address();
        connectTo(port, (attempt) => {{
          if (attempt === 11) serve(port, (socket, id) => {{
            const data = {{ shenheEvents: {{ cursor: "1" }} }};
            socket.send(JSON.stringify({{ type: "next", id, payload: {{ data }} }}));
          }});
        }});
        Math.random = () => 0;
        globalThis.show = (data) => {{ console.log(data.shenheEvents.cursor); process.exit(); }};
        {compiled.block("subscriptions", "createClient")}
    """
    assert node(program) == "1\n"


def test_apollo_returns_outcome_without_the_record(compiled: Compiled) -> None:
    module = {"__typename": "ModulePayload", "outcome": "CONFIRMED", "module": None}
    answer = {"data": {"setModule": module}, "errors": [{"message": "", "path": ["setModule", "module"]}]}
    program = f"""
        globalThis.token = "";
        globalThis.fetch = async () => Response.json({json.dumps(answer)});
        {compiled.block("examples", "new ApolloClient")}
        const mutation = gql`mutation {{ setModule {{ outcome module {{ id }} }} }}`;
        console.log((await client.mutate({{ mutation }})).data.setModule.outcome);
    """
    assert node(program).splitlines()[-1] == "CONFIRMED"


@pytest.fixture
def with_cache(compiled: Compiled) -> Callable[[str], Any]:
    """What a program leaves in `found`, which has the documented cache of Apollo."""
    cache = compiled.block("examples", "typePolicies")
    before = 'import { gql } from "@apollo/client"; let found;'
    return lambda program: json.loads(node(f"{cache}{before}{program}; console.log(JSON.stringify(found));"))


def test_apollo_merges_pages_without_duplicates(with_cache: Callable[[str], Any]) -> None:
    found = with_cache("""
        const page = gql`query ($after: String) {
          community(code: "10002") { id orders(first: 2, after: $after) { totalCount nodes { id } } }
        }`;
        const community = { __typename: "Community", id: "A" };
        const write = (after, ids) => {
          const nodes = ids?.map((id) => ({ __typename: "Order", id }));
          const orders = ids ? { __typename: "OrderConnection", totalCount: 60, nodes } : null;
          cache.writeQuery({ query: page, variables: { after }, data: { community: { ...community, orders } } });
          return cache.readQuery({ query: page }).community.orders.nodes.map(({ id }) => id);
        };
        const pages = [write(null, ["1", "2"]), write("2", ["2", "3"]), write("3", null), write(null, ["0", "1"])];

        const count = (name) => gql`{ community(code: "10002") { id summary { ${name} } } }`;
        for (const [name, value] of [["openRepairs", 20], ["unpaidOrders", 35]]) {
          const summary = { __typename: "CommunitySummary", [name]: value };
          cache.writeQuery({ query: count(name), data: { community: { ...community, summary } } });
        }
        const { openRepairs } = cache.readQuery({ query: count("openRepairs") }).community.summary;
        found = [pages, openRepairs]
    """)
    assert found == [[["1", "2"], ["1", "2", "3"], ["1", "2", "3"], ["0", "1"]], 20]


def test_apollo_merges_different_parts_of_one_list(with_cache: Callable[[str], Any]) -> None:
    """Else either query empties the other's screen, which asks again, and so on without end."""
    found = with_cache("""
        const scroll = gql`query ($after: String) {
          payments(filter: {state: DEAD}, after: $after) { pageInfo { endCursor } nodes { id } }
        }`;
        const pager = gql`{ payments(filter: {state: DEAD}) { totalCount pageInfo { pageCount } } }`;
        const other = gql`{ payments(filter: {state: QUEUED}) { nodes { id } } }`;
        const write = (query, after, page, pageInfo) => {
          const payments = { __typename: "PaymentConnection", ...page, ...pageInfo && { pageInfo } };
          cache.writeQuery({ query, variables: { after }, data: { payments } });
        };
        const nodes = (id) => [{ __typename: "Payment", id }];
        write(pager, undefined, { totalCount: 2 }, { __typename: "PageInfo", pageCount: 2 });
        write(scroll, undefined, { nodes: nodes("1") }, { __typename: "PageInfo", endCursor: "1" });
        write(scroll, "1", { nodes: nodes("2") }, { __typename: "PageInfo", endCursor: "2" });
        write(other, undefined, { nodes: nodes("3") });

        const read = (query) => cache.readQuery({ query })?.payments;
        const ids = [scroll, other].map((query) => read(query).nodes.map(({ id }) => id));
        found = [ids, read(pager)?.totalCount, read(pager)?.pageInfo.pageCount]
    """)
    assert found == [[["1", "2"], ["3"]], 2, 2]


def test_apollo_policies_name_every_list_and_argument(with_cache: Callable[[str], Any]) -> None:
    merged = with_cache("""
        found = Object.fromEntries(Object.entries(cache.config.typePolicies).flatMap(([type, { fields }]) =>
          Object.entries(fields ?? {}).map(([name, { keyArgs }]) => [`${type}.${name}`, keyArgs])))
    """)
    lists = {
        f"{t.name}.{name}": set(field.args)
        for t in TYPES
        for name, field in t.fields.items()
        if str(field.type).endswith("Connection")
    }
    assert set(merged) == set(lists)
    assert [name for name, arguments in lists.items() if not arguments - {"after"} <= set(merged[name])] == []


def test_apollo_reads_fragments_on_interfaces(with_cache: Callable[[str], Any]) -> None:
    types, name = with_cache("""
        const query = gql`{ people(name: "", phone: "") { id ...Parts } } fragment Parts on Person { name }`;
        cache.writeQuery({ query, data: { people: { __typename: "People", id: "1", name: "王芳" } } });
        found = [cache.config.possibleTypes, cache.readQuery({ query }).people.name]
    """)
    schema = executable_schema()
    assert name == "王芳"
    assert types == {
        interface.name: sorted(member.name for member in schema.get_possible_types(interface))
        for interface in schema.type_map.values()
        if isinstance(interface, GraphQLInterfaceType)
    }


NEVER_KEYED = re.compile("^(__.*|Query|Mutation|Subscription|PageInfo)$|(Connection|Edge|Payload)$")


def test_graphcache_keys_name_every_type_without_an_id(compiled: Compiled) -> None:
    block = compiled.block("examples", "exchange-graphcache").replace("cacheExchange({", "Object.values({")
    printed = node(f"{block}; console.log(Object.keys(cache[0]).join())")
    without_id = {t.name for t in TYPES if "id" not in t.fields}
    assert set(printed.strip().split(",")) == {name for name in without_id if not NEVER_KEYED.search(name)}


def test_type_generator_maps_every_scalar() -> None:
    (scalars,) = re.findall(r"^ +scalars: \{ (.*) \}$", read_text(DOCS / "quickstart.md"), re.MULTILINE)
    types = [t for t in executable_schema().type_map.values() if isinstance(t, GraphQLScalarType)]
    own = {t.name for t in types if not is_specified_scalar_type(t)}
    assert scalars.split(", ") == [f"{name}: string" for name in sorted(own)]
