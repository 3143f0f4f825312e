// Reads operations, with their timeline where the schema has one.

import { ask } from '../../transport/ask.js';

const FIELDS = 'id mutation subject communityCode outcome startedAt finishedAt userErrors { code message messageZh }';

export const hasTimeline = (schema) => Boolean(schema.getType('Operation')?.getFields().timeline);

export const isKnown = ({ outcome }) => outcome === 'CONFIRMED' || outcome === 'REFUSED';

// The newest operations, each with a `timeline`. Throws an Error with the gateway's sentence.
export async function readOperations(schema) {
  const timeline = hasTimeline(schema) ? 'timeline { state at }' : '';
  const data = await ask(`{ operations(first: 20) { nodes { ${FIELDS} ${timeline} } } }`);
  return data.operations.nodes.map((one) => ({ ...one, timeline: one.timeline ?? beginningAndEnd(one) }));
}

// What an older schema says of a write.
function beginningAndEnd({ startedAt, finishedAt, outcome }) {
  const begun = { state: 'RESERVED', at: startedAt };
  return outcome ? [begun, { state: outcome, at: finishedAt }] : [begun];
}
