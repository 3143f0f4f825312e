// GraphiQL for this gateway. What the gateway offers, and in the demo a token, is on the page (`page.js`).

import { GraphiQLProvider, useGraphiQL } from '@graphiql/react';
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { changeLanguage, languageCode } from './language/language.js';
import { translateChrome } from './language/chrome.js';
import { FaultBanner } from './fault-banner.jsx';
import { element, page } from './page.js';
import { CallsDrawer } from './panels/calls/calls-drawer.jsx';
import { documentIn, loadExamples, variablesFor } from './panels/examples/examples.js';
import { makePlugins } from './panels/plugins.js';
import { Session } from './session/session.js';
import { SharedHeaders } from './session/shared-headers.jsx';
import { caller, headersWith } from './session/token.js';
import { readLink } from './share/link.js';
import { ShareMenu } from './share/share-menu.jsx';
import { SkipLink } from './skip-link.jsx';
import { StatusLine } from './status-line.jsx';
import { storage } from './storage.js';
import { useStore } from './store.js';
import { TopBar } from './top-bar.jsx';
import { watchFaults } from './transport/faults.js';
import { fetcher } from './transport/fetcher.js';
import './explorer.css';

// The names of the built workers, put here by build.mjs.
const WORKERS = { json: JSON_WORKER, graphql: GRAPHQL_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(WORKERS[label] ?? EDITOR_WORKER, import.meta.url)),
};

const PHONE = '(width < 700px)';

const headers = headersWith(page.token);
const examples = await loadExamples(page.examplesPath);
const ownPlugins = makePlugins(examples);
const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN, ...ownPlugins];
const example = { query: documentIn(languageCode(), examples[0]), variables: variablesFor(examples[0].query) };
// A link opens a tab beside those that the browser has kept.
const first = readLink() ?? (storage.getItem('graphiql:tabState') ? null : example);

function Explorer() {
  const { token } = useStore(caller);
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      schema={token ? undefined : null} // without a token there is none to be had, and that is no error
      storage={storage}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      visiblePlugin={matchMedia(PHONE).matches ? undefined : ownPlugins[0]}
      defaultHeaders={headers}
      defaultTabs={[first ?? example]}
      initialQuery={first?.query}
      initialVariables={first?.variables}
      shouldPersistHeaders={false}
      inputValueDeprecation
      schemaDescription
    >
      <HistoryStore>
        <DocExplorerStore>
          <Session />
          <SharedHeaders initial={headers} />
          <SkipLink />
          <TopBar />
          <FaultBanner />
          <Interface />
          <CallsDrawer />
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

function Interface() {
  const [note, setNote] = useState('');
  const hasQuery = useGraphiQL((state) => Boolean(state.queryEditor));
  return (
    <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility="variables">
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, merge, copy }) => (
          <>
            {prettify}
            {merge}
            {copy}
            {hasQuery && <ShareMenu onDone={setNote} />}
          </>
        )}
      </GraphiQL.Toolbar>
      <GraphiQL.Footer>
        <p className="explorer-done" role="status">
          {note}
        </p>
        <StatusLine />
      </GraphiQL.Footer>
    </GraphiQLInterface>
  );
}

changeLanguage(languageCode());
translateChrome();
watchFaults();
createRoot(element).render(<Explorer />);
