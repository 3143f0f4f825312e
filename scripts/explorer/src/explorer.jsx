// GraphiQL for this gateway: which endpoint, which examples, whose token and whether there are subscriptions stand on the
// page.

import { useGraphiQL } from '@graphiql/react';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import './explorer.css';

// The names of the built workers, put here by build.mjs.
const WORKERS = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(WORKERS[label] ?? EDITOR_WORKER, import.meta.url)),
};

const page = document.getElementById('explorer');
const { graphqlPath, subscriptionPath, examplesPath, token } = page.dataset;

const webSocketUrl = (path) => {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
};

// What the headers editor of each tab begins with. WebSockets carry the same in connection_init.
const hint = `\
// A token goes here; in development
// "gateway token" prints one. Then
// re-fetch the schema (⟳, on the left).
`;
const headers = `${token ? '' : hint}{ "Authorization": "Bearer ${token}" }`;

// Connects when a subscription is run. A token that is refused (4403) is no better a second time.
const webSocketClient = (connectionParams) =>
  createClient({
    url: webSocketUrl(subscriptionPath),
    connectionParams,
    shouldRetry: (closed) => closed instanceof CloseEvent && closed.code !== 4403,
  });

const send = (request, options) =>
  createGraphiQLFetcher({
    url: graphqlPath,
    wsClient: subscriptionPath && webSocketClient(options.headers),
    enableIncrementalDelivery: false,
  })(request, options);

// GraphiQL asks for the schema before the editor is there.
const fetcher = (request, options) =>
  request.operationName === 'IntrospectionQuery' && !options.headers
    ? send(request, { ...options, headers: { Authorization: `Bearer ${token}` } })
    : send(request, options);

// Tabs whose headers are alike are edited together, so that a token is written once.
const SharedHeaders = () => {
  const editor = useGraphiQL((state) => state.headerEditor);
  const tabs = useGraphiQL((state) => state.tabs);
  useEffect(() => {
    let before = editor?.getValue();
    const listening = editor?.onDidChangeModelContent(({ isFlush }) => {
      const now = editor.getValue();
      if (!isFlush) for (const tab of tabs) if ((tab.headers ?? headers) === before) tab.headers = now;
      before = now;
    });
    return () => listening?.dispose();
  }, [editor, tabs]);
  return null;
};

const examples = await (await fetch(examplesPath)).json();

createRoot(page).render(
  <GraphiQL
    fetcher={fetcher}
    defaultHeaders={headers}
    defaultTabs={examples.map((query) => ({ query }))}
    defaultEditorToolsVisibility="headers"
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      wanjia-gateway
      <SharedHeaders />
    </GraphiQL.Logo>
  </GraphiQL>,
);
