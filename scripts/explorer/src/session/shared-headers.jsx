// Tabs whose headers are alike are edited together, and new tabs begin with the token: it is written once.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef } from 'react';
import { changeToken, headersWith, readHeaders, tokenOf } from './token.js';

// `initial`: what GraphiQL begins the headers of each tab with.
export function SharedHeaders({ initial }) {
  const editor = useGraphiQL((state) => state.headerEditor);
  const tabs = useGraphiQL((state) => state.tabs);
  const last = useRef(initial);

  useEffect(() => {
    let before = editor?.getValue();
    const listening = editor?.onDidChangeModelContent(({ isFlush }) => {
      const now = editor.getValue();
      // A tab, or an entry of the history, that has no headers of its own.
      if (isFlush && (now === '' || now === initial) && last.current !== now) {
        queueMicrotask(() => editor.setValue(last.current));
        return;
      }
      if (!isFlush) for (const tab of tabs) if ((tab.headers ?? initial) === before) tab.headers = now;
      before = last.current = now;
      changeToken(tokenOf(readHeaders(now)));
    });
    return () => listening?.dispose();
  }, [editor, tabs, initial]);

  return null;
}

// Writes a token into the headers of every tab that has the present one.
export function writeToken({ headerEditor, tabs }, token) {
  const now = headersWith(token);
  const before = headerEditor.getValue();
  for (const tab of tabs) if ((tab.headers ?? before) === before) tab.headers = now;
  headerEditor.setValue(now);
}
