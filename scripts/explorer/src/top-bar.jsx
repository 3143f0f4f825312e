// The top of the page: whose token it is, or a place to paste one; whether requests are traced; the language.

import { useGraphiQL } from '@graphiql/react';
import { useState } from 'react';
import { changeLanguage, useLanguage, useText } from './language/language.js';
import { showMinute } from './language/times.js';
import { page } from './page.js';
import { prefer, preferences } from './preferences.js';
import { session } from './session/session.js';
import { writeToken } from './session/shared-headers.jsx';
import { caller, readToken } from './session/token.js';
import { useStore } from './store.js';
import { mintToken } from './transport/page-routes.js';

export function TopBar() {
  const t = useText();
  const { token, refusal } = useStore(caller);
  const { isTraced } = useStore(preferences);
  const language = useLanguage();
  return (
    <header className="explorer-scheme explorer-top">
      <strong className="explorer-title">wanjia-gateway</strong>
      {token && !refusal && <Bearer token={token} />}
      <span className="explorer-choices">
        <label title={t('tracedHint')}>
          <input type="checkbox" checked={isTraced} onChange={(event) => prefer({ isTraced: event.target.checked })} />{' '}
          {t('traced')}
        </label>
        <button
          type="button"
          className="explorer-chip"
          title={t('languageHint')}
          lang={language === 'zh' ? 'en' : 'zh-CN'}
          onClick={() => changeLanguage(language === 'zh' ? 'en' : 'zh')}
        >
          {t('language')}
        </button>
      </span>
      {(!token || refusal) && <TokenForm refusal={refusal} />}
    </header>
  );
}

function Bearer({ token }) {
  const t = useText();
  const said = readToken(token);
  if (!said) return null;
  const { subject, expiresAt } = said;
  if (!expiresAt) return <span className="explorer-bearer">{subject}</span>;
  const key = expiresAt > Date.now() ? 'until' : 'expired';
  return <span className="explorer-bearer">{t(key, subject, showMinute(expiresAt))}</span>;
}

function TokenForm({ refusal }) {
  const t = useText();
  const [text, setText] = useState('');
  const isReady = useGraphiQL((state) => Boolean(state.headerEditor));
  const [failure, setFailure] = useState('');
  const use = (token) => {
    if (!token) return;
    writeToken(session(), token);
    session().actions.introspect();
  };
  const submit = (event) => {
    event.preventDefault();
    use(text.trim().replace(/^bearer\s+/i, ''));
  };
  const mint = async () => {
    try {
      use(await mintToken({ scopes: page.scopes, communities: ['*'] }));
    } catch (error) {
      setFailure(error.message);
    }
  };
  return (
    <form className="explorer-token" onSubmit={submit}>
      <p role={refusal ? 'alert' : 'status'}>
        {refusal ? t('refused', refusal) : t('noToken')} <small>{t('noTokenHow')}</small>
      </p>
      <label>
        {t('tokenLabel')}{' '}
        <input
          id="explorer-token"
          type="password"
          autoComplete="off"
          spellCheck="false"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button type="submit" className="explorer-button is-main" disabled={!isReady}>
        {t('useToken')}
      </button>
      {page.tokenPath && (
        <button type="button" className="explorer-button" disabled={!isReady} onClick={mint}>
          {t('mintAll')}
        </button>
      )}
      {failure && <p role="alert">{failure}</p>}
    </form>
  );
}
