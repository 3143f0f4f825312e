// One GraphQL request over HTTP, and what its answer says besides the data.

import { page } from '../page.js';

// Resolves to `{ status, ms, bytes, requestId, rate, body }`, or without an answer to `{ ms, failure }`.
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
    rate: readRate(response.headers.get('ratelimit')),
  };
  try {
    return { ...met, body: JSON.parse(text) };
  } catch {
    return { ...met, failure: `HTTP ${response.status}` };
  }
}

// `"caller";r=1199;t=42` (draft-ietf-httpapi-ratelimit-headers-10); null where there is none.
function readRate(header) {
  const [, remaining, reset] = header?.match(/;r=(\d+)(?:;t=(\d+))?/) ?? [];
  return remaining === undefined ? null : { remaining: Number(remaining), reset: Number(reset ?? 0) };
}
