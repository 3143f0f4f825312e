import { connections, recorded, rootLists } from "./generated/recorded.js";

export { typeDefs } from "./generated/sdl.js";

type Mock = () => any;
type Sample = Record<string, unknown>;
const samples: Record<string, readonly Sample[]> = recorded;

/** Takes the values in turn, again and again. */
function inTurn<Value>(values: readonly Value[]): () => Value {
  let taken = 0;
  return () => values[taken++ % values.length] as Value;
}

/**
 * `addMocksToSchema({ schema: makeExecutableSchema({ typeDefs }), mocks: createMocks() })`: of each type what the sandbox
 * answered; lists agree with their `edges` and `totalCount`.
 */
export function createMocks(): Record<string, Mock> {
  const mocks: Record<string, Mock> = {};
  for (const [type, values] of Object.entries(samples)) {
    const next = inTurn(values);
    mocks[type] = () => ({ ...next() });
  }
  const { cursor, at, missed } = samples["RepairEvent"]?.[0] ?? {};
  mocks["OperationEvent"] = () => ({ cursor, at, missed }); // the sandbox has none to record
  for (const [connection, type] of Object.entries(connections)) {
    const nodes = samples[type] ?? [];
    const edges = nodes.map((node, index) => ({ cursor: `${index + 1}`, node }));
    const pageInfo = {
      hasNextPage: false, hasPreviousPage: false, startCursor: "1", endCursor: `${nodes.length}`, page: 1, pageCount: 1,
    };
    mocks[connection] = () => ({ nodes, edges, pageInfo, totalCount: nodes.length });
  }
  mocks["Query"] = () => Object.fromEntries(Object.entries(rootLists).map(([field, type]) => [field, samples[type]]));
  const every = (pattern: RegExp) => [...new Set(JSON.stringify(recorded).match(pattern))].map((text): string => JSON.parse(text));
  mocks["DateTime"] = inTurn(every(/"\d{4}-\d\d-\d\dT[^"]+"/g));
  mocks["Date"] = inTurn(every(/"\d{4}-\d\d-\d\d"/g));
  mocks["Decimal"] = inTurn(every(/"\d+\.\d\d"/g));
  return mocks;
}

