// The examples by desk, searchable. Each opens in a tab of its own, with its variables filled in.

import { useGraphiQL } from '@graphiql/react';
import { useState } from 'react';
import { useLanguage, useText } from '../../language/language.js';
import { Note, Panel } from '../../parts/panel.jsx';
import { openTab } from '../../session/session.js';
import { DESKS, documentIn, matches, variablesFor } from './examples.js';

// A panel's component for these examples.
export function examplesPanel(examples) {
  return function ExamplesPanel() {
    const t = useText();
    const [words, setWords] = useState('');
    const found = examples.filter((example) => matches(example, t(`desk.${example.desk}`), words));
    const desks = [...new Set([...DESKS, ...examples.map(({ desk }) => desk)])];
    return (
      <Panel title="examples">
        <input
          type="search"
          className="explorer-search"
          aria-label={t('searchExamples')}
          placeholder={t('searchExamples')}
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        {found.length === 0 && <Note>{t('noExamples')}</Note>}
        {desks.map((desk) => (
          <Desk key={desk} desk={desk} examples={found.filter((example) => example.desk === desk)} />
        ))}
      </Panel>
    );
  };
}

function Desk({ desk, examples }) {
  const t = useText();
  const language = useLanguage();
  const isReady = useGraphiQL((state) => Boolean(state.queryEditor && state.variableEditor && state.headerEditor));
  const open = (example) => openTab(documentIn(language, example), variablesFor(example.query));
  if (!examples.length) return null;
  return (
    <section aria-label={t(`desk.${desk}`)}>
      <h3>{t(`desk.${desk}`)}</h3>
      <ul className="explorer-examples">
        {examples.map((example) => (
          <li key={example.name}>
            <button type="button" disabled={!isReady} onClick={() => open(example)}>
              <strong>{language === 'zh' ? example.chinese : example.english}</strong>{' '}
              <span className={`explorer-badge is-kind-${example.kind}`}>{t(`kind.${example.kind}`)}</span>
              <small>{example.name}</small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
