// GraphiQL for this gateway: which endpoint, which examples and whether there are subscriptions stand on the page.

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import './explorer.css';

// The names of the built workers, put here by build.mjs.
const WORKERS = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(WORKERS[label] ?? EDITOR_WORKER, import.meta.url)),
};

const page = document.getElementById('explorer');
const { graphqlPath, subscriptionPath, examplesPath } = page.dataset;

const webSocketUrl = (path) => {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
};

const fetcher = createGraphiQLFetcher({
  url: graphqlPath,
  subscriptionUrl: subscriptionPath && webSocketUrl(subscriptionPath),
  enableIncrementalDelivery: false,
});

const examples = await (await fetch(examplesPath)).json();

createRoot(page).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples.map((query) => ({ query }))}
    defaultEditorToolsVisibility="headers"
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>wanjia-gateway</GraphiQL.Logo>
  </GraphiQL>,
);
