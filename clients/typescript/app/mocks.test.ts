import { addMocksToSchema } from "@graphql-tools/mock";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { execute, getNamedType, isEnumType, isNonNullType, isObjectType } from "graphql";
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

test("what has been recorded fits the schema", () => {
  const schema = mocked();
  const fits = (type: string, sample: object): string[] => Object.entries(sample).flatMap(([field, value]) => {
    const parent = schema.getType(type);
    const known = isObjectType(parent) ? parent.getFields()[field] : undefined;
    if (!known) return field === "__typename" ? [] : [`${type}.${field}`];
    const inner = getNamedType(known.type);
    return [value].flat(3).flatMap((one) => {
      if (one === null) return isNonNullType(known.type) ? [`${type}.${field} null`] : [];
      if (isEnumType(inner)) return inner.getValue(one) ? [] : [`${type}.${field} ${one}`];
      return isObjectType(inner) ? fits(inner.name, one) : [];
    });
  });
  const odd = Object.entries(createMocks()).flatMap(([type, mock]) => isObjectType(schema.getType(type)) ? fits(type, mock()) : []);
  expect(odd, "run `npm run record` in clients/typescript").toEqual([]);
});
