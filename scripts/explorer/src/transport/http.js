// One GraphQL request over HTTP, and what its answer says besides the data.

import { say } from '../language/language.js';
import { page } from '../page.js';

// Resolves to `{ status, ms, bytes, requestId, responseHeaders, rates, body }`, or without an answer to `{ ms, failure }`.
export async function post(request, headers) {
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  let response;
  let text;
  try {
    response = await fetch(page.graphqlPath, {
      method: 'POST',
      headers: { Accept: 'application/json', ...headers, 'Content-Type': 'application/json' },
      body: JSON.stringify(request),
    });
    text = await response.text();
  } catch (error) {
    return { ms: elapsed(), failure: error.message };
  }
  const met = {
    status: response.status,
    ms: elapsed(),
    bytes: new Blob([text]).size,
    requestId: response.headers.get('x-request-id'),
    responseHeaders: [...response.headers],
    rates: readRates(response.headers.get('ratelimit')),
  };
  try {
    return { ...met, body: JSON.parse(text) };
  } catch {
    return { ...met, failure: `HTTP ${response.status}` };
  }
}

// `"caller";r=1199;t=42, "calls";r=35990;t=1` (draft-ietf-httpapi-ratelimit-headers-10): what is left of each budget.
const readRates = (header) =>
  [...(header ?? '').matchAll(/"(\w+)";r=(\d+)(?:;t=(\d+))?/g)].map(([, name, remaining, reset]) => ({
    name,
    remaining: Number(remaining),
    reset: Number(reset ?? 0),
  }));

// The gateway's sentence about the first error of an answer, in the page's language; without one, why there is no answer.
export function sentenceOf({ body, failure }) {
  const [error] = body?.errors ?? [];
  return error ? say('messageOf', error) : failure;
}
