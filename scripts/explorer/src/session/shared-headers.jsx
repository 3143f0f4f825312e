// Tabs whose headers are alike are edited together, and new tabs begin with the token: it is written once.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { useStore } from '../store.js';
import { caller, changeToken, headersWith, readHeaders, tokenOf } from './token.js';

export function SharedHeaders({ initial }) {
  const editor = useGraphiQL((state) => state.headerEditor);
  const tabs = useGraphiQL((state) => state.tabs);
  const count = useRef(tabs.length);
  const { token } = useStore(caller);

  useEffect(() => {
    let before = editor?.getValue();
    const listening = editor?.onDidChangeModelContent(({ isFlush }) => {
      const now = editor.getValue();
      if (!isFlush) for (const tab of tabs) if ((tab.headers ?? initial) === before) tab.headers = now;
      before = now;
      changeToken(tokenOf(readHeaders(now)));
    });
    return () => listening?.dispose();
  }, [editor, tabs, initial]);

  // GraphiQL begins a new tab with the headers that the page began with.
  useEffect(() => {
    if (tabs.length > count.current && token && editor?.getValue() === initial) editor.setValue(headersWith(token));
    count.current = tabs.length;
  });

  return null;
}

// Writes a token into the headers of every tab that has the present one.
export function writeToken({ headerEditor, tabs }, token) {
  const now = headersWith(token);
  const before = headerEditor.getValue();
  for (const tab of tabs) if ((tab.headers ?? before) === before) tab.headers = now;
  headerEditor.setValue(now);
}
