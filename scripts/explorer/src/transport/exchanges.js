// What the last operation of each tab sent and got. Panels and the status line show that of the active tab.

import { useGraphiQL } from '@graphiql/react';
import { createStore, useStore } from '../store.js';

export const exchanges = createStore({ byTab: {} });

export const record = (tabId, exchange) => exchanges.set(({ byTab }) => ({ byTab: { ...byTab, [tabId]: exchange } }));

export function useExchange() {
  const tabId = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  return useStore(exchanges).byTab[tabId];
}

export const errorsOf = (exchange) => exchange?.body?.errors ?? [];
export const traceOf = (exchange) => exchange?.body?.extensions?.trace;
export const costOf = (exchange) => exchange?.body?.extensions?.cost;
