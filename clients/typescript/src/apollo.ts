import type { FieldPolicy, InMemoryCacheConfig, Reference } from "@apollo/client";
import { listFields, namedTypes, partTypes, possibleTypes } from "./generated/cache.js";

type Page = { nodes?: readonly Reference[] } | null;
type Policies = NonNullable<InMemoryCacheConfig["typePolicies"]>;

/** Page after page in one list, without doubles where it shifted. A page that failed leaves those before it. */
const list = (keyArgs: readonly string[]): FieldPolicy<Page> => ({
  keyArgs: [...keyArgs],
  merge(before, page, { args, readField }) {
    if (!page) return (args?.["after"] && before) || page;
    if (!args?.["after"] || !page.nodes) return { ...before, ...page };
    const shown = before?.nodes ?? [];
    const ids = new Set(shown.map((node) => readField("id", node)));
    return { ...before, ...page, nodes: [...shown, ...page.nodes.filter((node) => !ids.has(readField("id", node)))] };
  },
});

const typePolicies: Policies = {};
for (const type of partTypes) typePolicies[type] = { keyFields: false, merge: true };
for (const [type, field] of Object.entries(namedTypes)) typePolicies[type] = { keyFields: [field] };
for (const [type, field, keyArgs] of listFields) {
  const policy = (typePolicies[type] ??= {});
  policy.fields = { ...policy.fields, [field]: list(keyArgs) };
}

/** `new InMemoryCache(cacheConfig)`. The next page: `fetchMore({ variables: { after: pageInfo.endCursor } })`. */
export const cacheConfig = { possibleTypes: possibleTypes as Record<string, string[]>, typePolicies };

/** For `new ApolloClient({ defaultOptions })`: else Apollo discards the rest of an answer, and the outcome of a write. */
export const defaultOptions = {
  query: { errorPolicy: "all" },
  watchQuery: { errorPolicy: "all" },
  mutate: { errorPolicy: "all" },
} as const;

declare module "@apollo/client" {
  namespace ApolloClient.DeclareDefaultOptions {
    interface Query { errorPolicy: "all" }
    interface WatchQuery { errorPolicy: "all" }
    interface Mutate { errorPolicy: "all" }
  }
}
