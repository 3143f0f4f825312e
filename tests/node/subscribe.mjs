// Subscribes with graphql-ws, with graphql-sse and with urql's own event streams to the address given. Prints one JSON
// object a line: each client when its subscription is under way, then what it received first.

import { Client, fetchExchange } from '@urql/core';
import { createClient as createEventStreamClient } from 'graphql-sse';
import { createClient as createWebSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, query] = process.argv.slice(2);
const Authorization = `Bearer ${token}`;
const print = (line) => console.log(JSON.stringify(line));

const webSocket = createWebSocketClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization },
  retryAttempts: 0,
});
const fetchFor = (name) => async (...request) => {
  const response = await fetch(...request);
  print({ ready: name });
  return response;
};
const eventStream = createEventStreamClient({
  url,
  headers: { Authorization },
  retryAttempts: 0,
  fetchFn: fetchFor('graphql-sse'),
});
const urql = new Client({
  url,
  exchanges: [fetchExchange],
  fetchOptions: { headers: { Authorization } },
  fetchSubscriptions: true,
  fetch: fetchFor('urql'),
});

const printFirst = async (name, client) => {
  for await (const result of client.iterate({ query })) {
    print({ client: name, result });
    return;
  }
};

const urqlDone = new Promise((resolve) => {
  let isPrinted = false; // a payment has a second event once it is delivered, which may come before the timer
  const { unsubscribe } = urql.subscription(query, {}).subscribe(({ data, error }) => {
    if (isPrinted) return;
    isPrinted = true;
    print({ client: 'urql', result: error ? { error: error.message } : { data } });
    setTimeout(() => resolve(unsubscribe()));
  });
});

const done = Promise.all([printFirst('graphql-ws', webSocket), printFirst('graphql-sse', eventStream), urqlDone]);
for await (const _ of webSocket.iterate({ query: '{ __typename }' })) print({ ready: 'graphql-ws' });
await done;
await webSocket.dispose();
eventStream.dispose();
