// What a call sent and what came back, character by character, where the gateway shows it: in development and the sandbox.

import { applyEdits, format } from 'jsonc-parser';
import { useState } from 'react';
import { useText } from '../../language/language.js';
import { CopyButton } from '../../parts/copy-button.jsx';
import { Note } from '../../parts/panel.jsx';

export function Verbatim({ call }) {
  const t = useText();
  const [isIndented, setIndented] = useState(false);
  const { sent, received } = call.exchange ?? {};
  if (!sent) return call.source === 'kept' ? null : <Note>{t('noExchange')}</Note>;
  const asked = sent.form ? formText(sent.form) : textOf(sent.json);
  const answered = received && textOf(received.body);
  const indented = answered && indent(answered);
  return (
    <div className="explorer-verbatim">
      <section aria-label={t('sentToPlatform')}>
        <header>
          <h4>{t('sentToPlatform')}</h4>
          {asked && <CopyButton text={asked} label={t('sentToPlatform')}>{t('copy')}</CopyButton>}
        </header>
        <p>
          <code>
            {sent.method} {sent.path}
          </code>{' '}
          {sent.form ? t('asForm') : sent.json !== undefined && 'JSON'}
        </p>
        {asked && <pre tabIndex={0}>{asked}</pre>}
      </section>
      <section aria-label={t('cameBack')}>
        <header>
          <h4>{t('cameBack')}</h4>
          {answered && (
            <span className="explorer-buttons">
              {indented && indented !== answered && (
                <label>
                  <input type="checkbox" checked={isIndented} onChange={(event) => setIndented(event.target.checked)} />{' '}
                  {t('indent')}
                </label>
              )}
              <CopyButton text={answered} label={t('cameBack')}>{t('copy')}</CopyButton>
            </span>
          )}
        </header>
        {received ? (
          <>
            <p>
              <code>HTTP {received.status}</code> {t('bytesExactly', received.bytes)}
              {received.truncated && `, ${t('truncated')}`}
            </p>
            <pre tabIndex={0}>{(isIndented && indented) || answered}</pre>
          </>
        ) : (
          <Note>{t('nothingCame')}</Note>
        )}
      </section>
    </div>
  );
}

const textOf = (value) => (value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value));

// One field a line. Pairs or members, as they come.
const formText = (form) =>
  (Array.isArray(form) ? form : Object.entries(form)).map(([name, value]) => `${name}=${value}`).join('\n');

// Spaces are all that changes: numbers of many digits, and names that come twice, are what may be looked for.
const indent = (text) =>
  /^\s*[[{]/.test(text) ? applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true })) : null;
