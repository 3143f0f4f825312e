// GraphiQL's state for modules that are no components. `Session` keeps it up to date.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { useLanguage } from '../language/language.js';

let state;

// GraphiQL's whole state: editors, tabs, schema, actions. Undefined before its first rendering.
export const session = () => state;

export const activeTabId = () => state?.tabs[state.activeTabIndex]?.id;

// Opens a document in a new tab.
export function openTab(query, variables = '') {
  state.actions.addTab();
  state.variableEditor.setValue(variables);
  state.queryEditor.setValue(query);
  state.queryEditor.setScrollTop(0);
}

// Among more tabs than there is room for.
function bringIntoSight(tab) {
  const row = tab?.parentElement;
  if (!row) return;
  const [own, all] = [tab.getBoundingClientRect(), row.getBoundingClientRect()];
  if (own.left < all.left) row.scrollLeft -= all.left - own.left;
  else if (own.right > all.right) row.scrollLeft += own.right - all.right;
}

export function Session() {
  state = useGraphiQL((current) => current);
  const tabId = activeTabId();
  // A new tab would show the subscription of the tab before as its own.
  useEffect(() => {
    if (state.subscription) state.actions.stop();
  }, [tabId]);
  // Chinese punctuation is no trap here, and gets no yellow box.
  const { queryEditor, variableEditor, headerEditor, responseEditor } = state;
  useEffect(() => {
    for (const editor of [queryEditor, variableEditor, headerEditor, responseEditor]) {
      editor?.updateOptions({ unicodeHighlight: { ambiguousCharacters: false } });
    }
  }, [queryEditor, variableEditor, headerEditor, responseEditor]);
  const { title } = state.tabs[state.activeTabIndex] ?? {};
  useEffect(() => bringIntoSight(document.querySelector('.graphiql-tab-active')), [tabId, title]);
  // The schema's descriptions are in the page's language.
  const language = useLanguage();
  const described = useRef(language);
  useEffect(() => {
    if (described.current === language) return;
    described.current = language;
    if (state.schema) state.actions.introspect();
  }, [language]);
  return null;
}
