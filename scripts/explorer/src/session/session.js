// GraphiQL's state for modules that are no components. `Session` keeps it up to date.

import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

let state;

// GraphiQL's whole state: editors, tabs, schema, actions. Undefined before its first rendering.
export const session = () => state;

export const activeTabId = () => state?.tabs[state.activeTabIndex]?.id;

// Opens a document in a new tab, which keeps the headers, and so the token, of the present one.
export function openTab(query, variables = '') {
  const headers = state.headerEditor?.getValue();
  state.actions.addTab();
  if (headers !== undefined) state.headerEditor.setValue(headers);
  state.variableEditor?.setValue(variables);
  state.queryEditor.setValue(query);
  state.queryEditor.setScrollTop(0);
}

export function Session() {
  state = useGraphiQL((current) => current);
  useEffect(() => () => (state = undefined), []);
  return null;
}
