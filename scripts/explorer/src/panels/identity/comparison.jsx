// Two answers side by side, in a dialog; lines that differ are marked.

import { useEffect, useRef } from 'react';
import { useText } from '../../language/language.js';
import { caller, readToken } from '../../session/token.js';

export function Comparison({ now, other, subject, onClose }) {
  const t = useText();
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  const differing = Math.max(...[now, other].map((lines) => lines.filter(({ isDifferent }) => isDifferent).length));
  return (
    <dialog ref={dialog} className="explorer-scheme explorer-comparison" aria-label={t('compareTitle')} onClose={onClose}>
      <header>
        <h2>{t('compareTitle')}</h2>
        <p>{differing ? t('compareDiffers', differing) : t('compareSame')}</p>
        <button type="button" className="explorer-button" onClick={() => dialog.current.close()}>
          {t('close')}
        </button>
      </header>
      <div className="explorer-sides">
        <Side title={`${t('compareNow')}: ${readToken(caller.get().token)?.subject ?? ''}`} lines={now} />
        <Side title={`${t('compareOther')}: ${subject}`} lines={other} />
      </div>
    </dialog>
  );
}

function Side({ title, lines }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <pre tabIndex={0}>
        {lines.map(({ indent, text, isDifferent }, index) => (
          <span key={index} className={isDifferent ? 'is-different' : undefined}>
            {'  '.repeat(indent)}
            {text}
            {'\n'}
          </span>
        ))}
      </pre>
    </section>
  );
}
