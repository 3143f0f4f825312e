import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { buildSchema, getNamedType, isAbstractType, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { SwitchModuleDocument } from "wanjia-gateway-client";
import { cacheConfig, defaultOptions } from "wanjia-gateway-client/apollo";
import { keys } from "wanjia-gateway-client/graphcache";

const file = createRequire(import.meta.url).resolve("wanjia-gateway-client/schema.graphql");
const schema = buildSchema(readFileSync(file, "utf8"));
const objects = Object.values(schema.getTypeMap()).filter(isObjectType).filter(({ name }) => !name.startsWith("__"));

test("the outcome of a write arrives without its record", async () => {
  const payload = { __typename: "ModulePayload", outcome: "CONFIRMED", module: null, userErrors: [], operation: null };
  const answer = { data: { setModule: payload }, errors: [{ message: "", path: ["setModule", "module"] }] };
  const client = new ApolloClient({
    link: new HttpLink({ uri: "http://127.0.0.1/graphql", fetch: async () => Response.json(answer) }),
    cache: new InMemoryCache(cacheConfig), defaultOptions,
  });
  const input = { communityCode: "00001", name: "REPAIRS", enabled: false, idempotencyKey: "1" } as const;
  const { data } = await client.mutate({ mutation: SwitchModuleDocument, variables: { input } });
  expect(data?.setModule?.outcome).toBe("CONFIRMED");
});

test("pages of a list merge without doubles", () => {
  const cache = new InMemoryCache(cacheConfig);
  const query = gql`query ($after: String) {
    community(code: "10002") { id orders(first: 2, after: $after) { totalCount nodes { id } } summary { openRepairs } }
  }`;
  const write = (after: string | null, ids: string[] | null) => {
    const nodes = ids?.map((id) => ({ __typename: "Order", id }));
    const orders = ids && { __typename: "OrderConnection", totalCount: 60, nodes };
    const summary = { __typename: "CommunitySummary", openRepairs: 20 };
    cache.writeQuery({ query, variables: { after }, data: { community: { __typename: "Community", id: "A", orders, summary } } });
    const kept = cache.readQuery<{ community: { orders: { nodes: { id: string }[] } } }>({ query });
    return kept?.community.orders.nodes.map(({ id }) => id).join("");
  };
  expect([write(null, ["1", "2"]), write("2", ["2", "3"]), write("3", null), write(null, ["0", "1"])])
    .toEqual(["12", "123", "123", "01"]);

  const other = gql`{ community(code: "10002") { id summary { unpaidOrders } } }`; // else each empties the other's screen
  const summary = { __typename: "CommunitySummary", unpaidOrders: 35 };
  cache.writeQuery({ query: other, data: { community: { __typename: "Community", id: "A", summary } } });
  expect(cache.readQuery({ query })).not.toBeNull();
});

test("parts of one list that differ are kept side by side", () => {
  const cache = new InMemoryCache(cacheConfig);
  const scroll = gql`query ($after: String) {
    payments(filter: { state: DEAD }, after: $after) { pageInfo { endCursor } nodes { id } }
  }`;
  const pager = gql`{ payments(filter: { state: DEAD }) { totalCount pageInfo { pageCount } } }`;
  const queued = gql`{ payments(filter: { state: QUEUED }) { nodes { id } } }`;
  const page = (query: typeof scroll, after: string | undefined, fields: object) =>
    cache.writeQuery({ query, variables: { after }, data: { payments: { __typename: "PaymentConnection", ...fields } } });
  const nodes = (id: string) => [{ __typename: "Payment", id }];
  page(pager, undefined, { totalCount: 2, pageInfo: { __typename: "PageInfo", pageCount: 2 } });
  page(scroll, undefined, { nodes: nodes("1"), pageInfo: { __typename: "PageInfo", endCursor: "1" } });
  page(scroll, "1", { nodes: nodes("2"), pageInfo: { __typename: "PageInfo", endCursor: "2" } });
  page(queued, undefined, { nodes: nodes("3") });

  const ids = (query: typeof scroll) =>
    cache.readQuery<{ payments: { nodes: { id: string }[] } }>({ query })?.payments.nodes.map(({ id }) => id);
  expect([ids(scroll), ids(queued)]).toEqual([["1", "2"], ["3"]]);
  expect(cache.readQuery({ query: pager }))
    .toMatchObject({ payments: { totalCount: 2, pageInfo: { pageCount: 2 } } });
});

test("policies name every list and each of its arguments", () => {
  const lists = objects.flatMap((type) => Object.values(type.getFields())
    .filter((field) => getNamedType(field.type).name.endsWith("Connection"))
    .map((field) => [`${type.name}.${field.name}`, field.args.map(({ name }) => name).filter((name) => name !== "after")]));
  const named = Object.entries(cacheConfig.typePolicies).flatMap(([type, { fields = {} }]) =>
    Object.entries(fields).map(([field, policy]) => [`${type}.${field}`, typeof policy === "object" && policy.keyArgs]));
  expect(Object.fromEntries(named)).toEqual(Object.fromEntries(lists));
});

test("each interface has its members, each type without an id its key", () => {
  const members = Object.values(schema.getTypeMap()).filter(isAbstractType)
    .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name).sort()]);
  expect(cacheConfig.possibleTypes).toEqual(Object.fromEntries(members));
  const without = objects.filter((type) => !type.getFields()["id"]).map(({ name }) => name);
  const stored = without.filter((name) => !/^(Query|Mutation|Subscription)$|(Connection|Edge|Payload)$/.test(name));
  expect(Object.keys(keys).sort()).toEqual(stored.sort());
});
