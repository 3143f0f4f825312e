// Subscriptions that are under way, each over its own WebSocket. They go on when another tab is shown.

import { createClient } from 'graphql-ws';
import { page } from '../page.js';
import { createStore } from '../store.js';

const REFUSED = 4403; // "Forbidden" of graphql-transport-ws: this token is no better a second time
const MOST_EVENTS = 200;

// Each: `{ id, tabId, name, field, query, state, detail, events: [{ at, result }] }`; `state` is connecting, open,
// waiting (lost, to be connected again), ended, refused or failed.
export const subscriptions = createStore({ all: [] });

const clients = new Map();
let lastId = 0;

function change(id, changes) {
  subscriptions.set(({ all }) => ({
    all: all.map((one) => (one.id === id ? { ...one, ...(typeof changes === 'function' ? changes(one) : changes) } : one)),
  }));
}

function webSocketUrl() {
  const url = new URL(page.subscriptionPath, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

// `sink` gets next(result) and complete(), as GraphiQL's own. Returns the id.
export function subscribe({ tabId, name, field, request, headers }, sink) {
  lastId += 1;
  const id = lastId;
  const first = { id, tabId, name, field, query: request.query, state: 'connecting', detail: '', events: [] };
  subscriptions.set(({ all }) => ({ all: [first, ...all] }));
  const client = createClient({
    url: webSocketUrl(),
    connectionParams: headers,
    shouldRetry: (closed) => closed instanceof CloseEvent && closed.code !== REFUSED,
    on: {
      connected: () => change(id, { state: 'open', detail: '' }),
      closed: ({ code, reason }) =>
        change(id, (one) => (one.state === 'open' ? { state: 'waiting', detail: `${code} ${reason}`.trim() } : {})),
    },
  });
  const finish = (state, detail = '') => {
    if (!clients.delete(id)) return;
    change(id, { state, detail });
    client.dispose();
    sink.complete();
  };
  clients.set(id, () => finish('ended'));
  client.subscribe(request, {
    next(result) {
      change(id, ({ events }) => ({ events: [{ at: new Date(), result }, ...events].slice(0, MOST_EVENTS) }));
      sink.next(result);
    },
    error(error) {
      const { message, code } = describe(error);
      sink.next({ errors: [{ message, ...(code && { extensions: { code } }) }] });
      finish(code === 'UNAUTHENTICATED' ? 'refused' : 'failed', message);
    },
    complete: () => finish('ended'),
  });
  return id;
}

export const endSubscription = (id) => clients.get(id)?.();

export function forgetSubscription(id) {
  endSubscription(id);
  subscriptions.set(({ all }) => ({ all: all.filter((one) => one.id !== id) }));
}

// A sentence for what graphql-ws gives: a CloseEvent, errors of GraphQL, or an error of its own.
function describe(error) {
  if (error instanceof CloseEvent) {
    const message = `${error.code} ${error.reason}`.trim();
    return { message, code: error.code === REFUSED ? 'UNAUTHENTICATED' : undefined };
  }
  if (Array.isArray(error)) return { message: error[0].message, code: error[0].extensions?.code };
  return { message: error?.message ?? String(error) };
}
