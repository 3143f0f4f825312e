// The gateway's own routes for this page: in the demo tokens, and the sandbox's switches.

import { page } from '../page.js';
import { sentenceOf } from './http.js';

// The JSON of the answer. Throws an Error with the gateway's sentence.
async function send(path, body, method = 'POST') {
  const response = await fetch(path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(sentenceOf({ body: answer, failure: `HTTP ${response.status}` }));
  return answer;
}

export const mintToken = async (asked) => (await send(page.tokenPath, asked)).token;

const ofPlatform = (platform) => `${page.sandboxPath}/${platform.toLowerCase()}`;

// Members without a value are left out.
const given = (members) => Object.fromEntries(Object.entries(members).filter(([, value]) => value ?? false));

// `fault`: its kind, and at will endpoint, seconds, body. It replaces the fault of the same place.
export const setFault = (platform, fault) => send(`${ofPlatform(platform)}/faults`, given(fault));

export const endFault = (platform, endpoint) => send(`${ofPlatform(platform)}/faults/off`, given({ endpoint }));

export const listFaults = () => send(`${page.sandboxPath}/faults`);

export const clearFaults = () => send(`${page.sandboxPath}/faults`, null, 'DELETE');

export const expireTokens = (platform) => send(`${ofPlatform(platform)}/tokens/expire`);

export const resetSandbox = () => send(`${page.sandboxPath}/reset`);

// Whether the gateway took the notification.
export async function payOrder(number) {
  const { payment_answer: answer } = await send(`${page.sandboxPath}/pay`, { order_number: number });
  return answer?.code === 0;
}
