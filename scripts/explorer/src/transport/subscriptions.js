// Subscriptions that are under way, over one WebSocket for all that have the same headers, by the recipe of
// docs/subscriptions.md: after an interruption each goes on with its latest cursor. They outlive their tab's turn.

import { createClient } from 'graphql-ws';
import { getOperationAST, Kind, parse } from 'graphql';
import { say } from '../language/language.js';
import { page } from '../page.js';
import { session } from '../session/session.js';
import { readHeaders, tokenOf } from '../session/token.js';
import { createStore } from '../store.js';

const REFUSED = 4403; // "Forbidden" of graphql-transport-ws: of a new connection, this token is no better a second time
const MOST_EVENTS = 200;
const LONGEST_WAIT = 30; // seconds between two attempts to connect

// Each: `{ id, tabId, name, field, query, state, detail, canResume, events }`; `state` is connecting, open, waiting
// (lost, to be connected again), ended, refused or failed. An event, newest first, is `{ number, at }` with a `result`,
// or with a `mark`: lost or resumed, and its `detail`.
export const subscriptions = createStore({ all: [] });

const RUNNING = ['connecting', 'open', 'waiting'];

export const isRunning = ({ state }) => RUNNING.includes(state);

const sockets = new Map(); // by their headers as text
const runs = new Map(); // by id: how to end it, and how to begin it again
let lastId = 0;
let lastNumber = 0;

function change(id, changes) {
  subscriptions.set(({ all }) => ({
    all: all.map((one) => (one.id === id ? { ...one, ...(typeof changes === 'function' ? changes(one) : changes) } : one)),
  }));
}

const withEvent = (events, event) => [{ number: (lastNumber += 1), at: new Date(), ...event }, ...events].slice(0, MOST_EVENTS);

const addEvent = (id, event) => change(id, ({ events }) => ({ events: withEvent(events, event) }));

function webSocketUrl() {
  const url = new URL(page.subscriptionPath, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

const isRefusal = (problem) => problem instanceof CloseEvent && problem.code === REFUSED;

const waitBefore = (retries) =>
  new Promise((done) => setTimeout(done, Math.random() * Math.min(2 ** retries, LONGEST_WAIT) * 1000));

function socketFor(headers) {
  const key = JSON.stringify(headers);
  if (sockets.has(key)) return sockets.get(key);
  const own = () => subscriptions.get().all.filter((one) => one.socket === key && isRunning(one));
  const socket = { key, isConnected: false };
  let isAccepted = false; // the token, on this connection
  socket.client = createClient({
    url: webSocketUrl(),
    connectionParams: () => freshHeaders(own()) ?? headers,
    shouldRetry: (problem) => problem instanceof Event && (isAccepted || !isRefusal(problem)),
    retryAttempts: Infinity,
    retryWait: waitBefore,
    on: {
      connecting: () => {
        isAccepted = false;
      },
      connected: () => {
        isAccepted = socket.isConnected = true;
        for (const { id } of own()) change(id, opened);
      },
      closed: (closed) => {
        socket.isConnected = false;
        const detail = describeClose(closed);
        for (const { id } of own()) change(id, (one) => lost(one, detail));
      },
    },
  });
  sockets.set(key, socket);
  return socket;
}

const opened = ({ state, cursor, events }) => ({
  state: 'open',
  detail: '',
  ...(state === 'waiting' && { events: withEvent(events, { mark: 'resumed', detail: cursor }) }),
});

const lost = ({ state, events }, detail) => ({
  state: state === 'connecting' ? state : 'waiting',
  detail,
  ...(state === 'open' && { events: withEvent(events, { mark: 'lost', detail }) }),
});

// The headers that the tab of these subscriptions has now: a token may have come in place of one that expired.
function freshHeaders(running) {
  const { tabs = [], activeTabIndex, headerEditor } = session() ?? {};
  const tab = tabs.find(({ id }) => running.some(({ tabId }) => tabId === id));
  const text = tab && tab === tabs[activeTabIndex] ? headerEditor?.getValue() : tab?.headers;
  const headers = readHeaders(text);
  return tokenOf(headers) ? headers : undefined;
}

// How a document goes on where it was: `{ variable, read }`, the variable it gives as `after`, and a function from data
// to the cursor. Null where it takes no such variable, or selects no cursor.
function findCursor({ query, operationName }) {
  const [field] = getOperationAST(parse(query), operationName).selectionSet.selections;
  const after = field.arguments?.find(({ name }) => name.value === 'after')?.value;
  const cursor = field.selectionSet?.selections.find(({ kind, name }) => kind === Kind.FIELD && name.value === 'cursor');
  if (after?.kind !== Kind.VARIABLE || !cursor) return null;
  const [outer, inner] = [field, cursor].map(({ alias, name }) => (alias ?? name).value);
  return { variable: after.name.value, read: (data) => data?.[outer]?.[inner] };
}

// `sink` gets next(result) and complete(), as GraphiQL's own. Returns the id.
export function subscribe({ tabId, name, field, request, headers }, sink) {
  lastId += 1;
  const id = lastId;
  const place = findCursor(request);
  const payload = { ...request, variables: { ...request.variables } }; // sent again, as it is then, with each connection
  const first = { id, tabId, name, field, query: request.query, canResume: Boolean(place), events: [] };
  const next = (result) => {
    const cursor = place?.read(result.data);
    if (cursor) payload.variables[place.variable] = cursor;
    change(id, { cursor: cursor ?? payload.variables[place?.variable] });
    addEvent(id, { result });
    sink.next(result);
  };

  const begin = (present) => {
    const { key, client, isConnected } = socketFor(present);
    change(id, { socket: key, state: isConnected ? 'open' : 'connecting', detail: '' });
    let isOver = false;
    const finish = (state, detail = '') => {
      if (isOver) return;
      isOver = true;
      change(id, { state, detail });
      sink.complete();
    };
    const stop = client.subscribe(payload, {
      next,
      error(error) {
        const { message, code } = describe(error);
        sink.next({ errors: [{ message, ...(code && { extensions: { code } }) }] });
        finish(code === 'UNAUTHENTICATED' ? 'refused' : 'failed', message);
      },
      complete: () => finish('ended'),
    });
    runs.set(id, { begin, stop: () => (finish('ended'), stop()) });
  };

  subscriptions.set(({ all }) => ({ all: [first, ...all] }));
  begin(headers);
  return id;
}

export const endSubscription = (id) => runs.get(id)?.stop();

// Goes on with other headers, after the token was refused.
export const resumeSubscription = (id, headers) => runs.get(id)?.begin(headers);

export function forgetSubscription(id) {
  endSubscription(id);
  runs.delete(id);
  subscriptions.set(({ all }) => ({ all: all.filter((one) => one.id !== id) }));
}

const describeClose = ({ code, reason }) => {
  const words = say(`closed.${code}`);
  return `${words === String(code) ? reason : words} (${code})`.trim();
};

// A sentence for what graphql-ws gives: a CloseEvent, errors of GraphQL, or an error of its own.
function describe(error) {
  if (error instanceof CloseEvent) {
    return { message: describeClose(error), code: error.code === REFUSED ? 'UNAUTHENTICATED' : undefined };
  }
  if (Array.isArray(error)) return { message: say('messageOf', error[0]), code: error[0].extensions?.code };
  return { message: error?.message ?? String(error) };
}
