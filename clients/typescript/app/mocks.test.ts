import { addMocksToSchema } from "@graphql-tools/mock";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { execute, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { ReviewWorkListDocument } from "wanjia-gateway-client";
import { createMocks, typeDefs } from "wanjia-gateway-client/mocks";

const mocked = () => addMocksToSchema({ schema: makeExecutableSchema({ typeDefs }), mocks: createMocks() });

test("mocks answer a desk as the sandbox does", async () => {
  const { data, errors } = await execute({ schema: mocked(), document: ReviewWorkListDocument });
  expect(errors).toBeUndefined();
  const { nodes, totalCount } = data?.["shenhes"] as { nodes: { status: string }[]; totalCount: number };
  expect(nodes).toHaveLength(totalCount);
  expect(JSON.stringify(data)).not.toMatch(/Hello World/);
});

test("every object type has been recorded", () => {
  const recorded = createMocks();
  const types = Object.values(mocked().getTypeMap()).filter(isObjectType).map(({ name }) => name);
  const missing = types.filter((name) => !(name in recorded) && !/^(__.*|Mutation|Subscription|.*Edge)$/.test(name));
  expect(missing, "run `npm run record` in clients/typescript").toEqual([]);
});
