import { namedTypes, partTypes } from "./generated/cache.js";

type Key = (data: { readonly [field: string]: unknown }) => string | null;

/** `cacheExchange({ keys })` of @urql/exchange-graphcache: parts belong to the record around them. */
export const keys: Record<string, Key> = {};
for (const type of partTypes) keys[type] = () => null;
for (const [type, field] of Object.entries(namedTypes)) keys[type] = (data) => String(data[field]);
