import { expect, test } from "vitest";
import {
  DashboardDocument, DictionariesDocument, ReviewWorkListDocument, gatewayErrors, labelOf, labels,
} from "wanjia-gateway-client";
import { COMMUNITY, client } from "./gateway.js";

test("a desk's document answers with its types", async () => {
  const { data, error } = await client.query(ReviewWorkListDocument, { first: 2 });
  expect(error).toBeUndefined();
  const first = data?.shenhes?.nodes[0];
  const name: string | null | undefined = first?.content?.people?.name;
  expect(name).toBeTypeOf("string");
  expect(labelOf(labels.ShenheType, first?.type ?? "")).toMatch(/[\u4e00-\u9fff]/);
  // @ts-expect-error the type has no such field
  expect(first?.nothing).toBeUndefined();
});

test("labels are those of the gateway's dictionaries", async () => {
  const { data } = await client.query(DictionariesDocument, {});
  expect(data?.dictionaries.length).toBeGreaterThan(10);
  for (const { name, entries } of data?.dictionaries ?? []) {
    const known: Record<string, { zh: string }> = { ...labels }[name as keyof typeof labels];
    for (const { value, label } of entries) expect([name, value, known[value]?.zh]).toEqual([name, value, label]);
  }
});

test("a community of others gives an error with its code", async () => {
  const { error } = await client.query(DashboardDocument, { community: "99999" });
  const [first] = gatewayErrors(error?.graphQLErrors);
  expect(first?.extensions.messageZh ?? COMMUNITY).toMatch(/./);
});
