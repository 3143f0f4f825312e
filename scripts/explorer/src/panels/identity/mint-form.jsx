// Mints a token with chosen scopes and communities, to use it or to compare what both callers see.

import { useGraphiQL } from '@graphiql/react';
import { useState } from 'react';
import { page } from '../../page.js';
import { useText } from '../../language/language.js';
import { Failure, Note } from '../../parts/panel.jsx';
import { writeToken } from '../../session/shared-headers.jsx';
import { session } from '../../session/session.js';
import { mintToken } from '../../transport/page-routes.js';
import { Comparison } from './comparison.jsx';
import { compareCallers } from './compare-callers.js';

const CLERK = page.scopes.filter((scope) => scope !== 'pii:read');

export function MintForm() {
  const t = useText();
  const introspect = useGraphiQL((state) => state.actions.introspect);
  const isReady = useGraphiQL((state) => Boolean(state.queryEditor && state.variableEditor && state.headerEditor));
  const [subject, setSubject] = useState('clerk');
  const [scopes, setScopes] = useState(CLERK);
  const [communities, setCommunities] = useState('*');
  const [minutes, setMinutes] = useState(60);
  const [state, setState] = useState({});

  const attempt = async (action) => {
    try {
      const token = await mintToken({
        scopes,
        communities: communities.split(/[\s,，]+/).filter(Boolean),
        subject,
        ttl: Math.round(minutes * 60),
      });
      setState(await action(token));
    } catch (error) {
      setState({ failure: error.message });
    }
  };
  const use = (token) => {
    writeToken(session(), token);
    introspect();
    return { note: 'minted' };
  };
  const toggle = (scope) =>
    setScopes((before) => (before.includes(scope) ? before.filter((one) => one !== scope) : [...before, scope]));

  return (
    <form className="explorer-form" aria-label={t('mint')} onSubmit={(event) => event.preventDefault()}>
      <h3>{t('mint')}</h3>
      <Note>{t('mintHint')}</Note>
      <label>
        {t('subject')} <input value={subject} onChange={(event) => setSubject(event.target.value)} />
      </label>
      <label>
        {t('communities')}{' '}
        <input value={communities} title={t('communitiesHint')} onChange={(event) => setCommunities(event.target.value)} />
      </label>
      <label>
        {t('lifetime')}{' '}
        <input type="number" min="1" max="1440" value={minutes} onChange={(event) => setMinutes(event.target.value)} />
      </label>
      <fieldset>
        <legend>{t('scopes')}</legend>
        <p>
          <button type="button" className="explorer-chip" onClick={() => setScopes(page.scopes)}>
            {t('all')}
          </button>{' '}
          <button type="button" className="explorer-chip" onClick={() => setScopes(CLERK)}>
            {t('clerk')}
          </button>{' '}
          <button type="button" className="explorer-chip" onClick={() => setScopes([])}>
            {t('none')}
          </button>
        </p>
        <div className="explorer-checks">
          {page.scopes.map((scope) => (
            <label key={scope} className="explorer-check">
              <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} /> {scope}
            </label>
          ))}
        </div>
      </fieldset>
      <p className="explorer-buttons">
        <button
          type="button"
          className="explorer-button is-main"
          disabled={!isReady}
          title={t('compareHint')}
          onClick={() => attempt(async (token) => ({ comparison: await compareCallers(token) }))}
        >
          {t('compare')}
        </button>
        <button type="button" className="explorer-button" disabled={!isReady} onClick={() => attempt(use)}>
          {t('mintAndUse')}
        </button>
      </p>
      {state.failure && <Failure>{state.failure}</Failure>}
      {state.note && <p role="status">{t(state.note)}</p>}
      {state.comparison && (
        <Comparison {...state.comparison} subject={subject} onClose={() => setState({})} />
      )}
    </form>
  );
}
