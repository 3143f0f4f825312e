import { Client, cacheExchange, fetchExchange } from "@urql/core";

/** Set by whoever runs the tests: a gateway over the sandbox. */
export const url = process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8000/graphql";
export const token = process.env["GATEWAY_TOKEN"] ?? "";
export const COMMUNITY = "10002";

export const client = new Client({
  url,
  exchanges: [cacheExchange, fetchExchange],
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { authorization: `Bearer ${token}` } }),
});
