// Subscribes with graphql-ws and with graphql-sse to the address given. Prints one JSON object a line: each client when
// its subscription is under way, then what it received first.

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
const eventStream = createEventStreamClient({
  url,
  headers: { Authorization },
  retryAttempts: 0,
  fetchFn: async (...request) => {
    const response = await fetch(...request);
    print({ ready: 'graphql-sse' });
    return response;
  },
});

const printFirst = async (name, client) => {
  for await (const result of client.iterate({ query })) {
    print({ client: name, result });
    return;
  }
};

const done = Promise.all([printFirst('graphql-ws', webSocket), printFirst('graphql-sse', eventStream)]);
for await (const _ of webSocket.iterate({ query: '{ __typename }' })) print({ ready: 'graphql-ws' });
await done;
await webSocket.dispose();
eventStream.dispose();
