// The faults of the demo's sandbox that are on, whoever switched them, and what can be switched on.

import { page } from '../page.js';
import { createStore } from '../store.js';
import { exchanges } from './exchanges.js';
import { listFaults } from './page-routes.js';

const WATCH_MS = 3000; // while a fault is on: it may be for some calls only

// `on`: `{ platform, endpoint, kind, seconds, times }` each, `endpoint` null for the whole platform; `endpoints`:
// `{ platform, name, kind }`; `kinds`: `{ name, forWrites }`.
export const faults = createStore({ on: [], endpoints: [], kinds: [] });

export const readFaults = async () => faults.set(await listFaults());

export const isAt = (fault, platform, endpoint) => fault.platform === platform && fault.endpoint === endpoint;

// Reads them at the start, when the page is looked at again and after each operation, and in between while one is on.
export function watchFaults() {
  if (!page.isDemo) return;
  const read = () => readFaults().catch(() => undefined); // a demo that has ended: other parts of the page say so
  let answered;
  exchanges.subscribe(() => {
    const latest = Math.max(...Object.values(exchanges.get().byTab).map(({ answeredAt }) => Number(answeredAt ?? 0)));
    if (latest > (answered ?? 0)) read();
    answered = latest;
  });
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && read());
  addEventListener('focus', read);
  setInterval(() => faults.get().on.length && document.visibilityState === 'visible' && read(), WATCH_MS);
  read();
}
