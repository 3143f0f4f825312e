import { InMemoryCache } from "@apollo/client";
import { cacheExchange } from "@urql/exchange-graphcache";
import { expect, test, vi } from "vitest";
import { Client, fetchExchange } from "@urql/core";
import { ArrearsDocument, OrdersDocument } from "wanjia-gateway-client";
import { cacheConfig } from "wanjia-gateway-client/apollo";
import { keys } from "wanjia-gateway-client/graphcache";
import { COMMUNITY, client, token, url } from "./gateway.js";

test("Apollo's cache keeps a page and the next", async () => {
  const cache = new InMemoryCache(cacheConfig);
  const read = async (after?: string | null) => {
    const variables = { community: COMMUNITY, ...(after ? { after } : {}) };
    const { data } = await client.query(OrdersDocument, variables);
    if (data) cache.writeQuery({ query: OrdersDocument, variables, data });
    return data?.orders?.pageInfo.endCursor;
  };
  await read(await read());
  const kept = cache.readQuery({ query: OrdersDocument, variables: { community: COMMUNITY } });
  expect(kept?.orders?.nodes.length).toBe(35);
});

test("Graphcache knows each type's key", async () => {
  const warn = vi.spyOn(console, "warn");
  const cached = new Client({
    url, preferGetMethod: false, exchanges: [cacheExchange({ keys }), fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  });
  const { data } = await cached.query(ArrearsDocument, { first: 3 });
  expect(data?.orders?.nodes).toHaveLength(3);
  expect(warn).not.toHaveBeenCalled();
});
