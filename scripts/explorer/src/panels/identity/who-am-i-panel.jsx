// What the token says of its bearer, and in the demo a form for another caller.

import { page } from '../../page.js';
import { useText } from '../../language/language.js';
import { Note, Panel } from '../../parts/panel.jsx';
import { caller, readToken } from '../../session/token.js';
import { useStore } from '../../store.js';
import { Expiry } from './expiry.jsx';
import { MintForm } from './mint-form.jsx';

export function WhoAmIPanel() {
  const t = useText();
  const { token, refusal } = useStore(caller);
  const said = token && readToken(token);
  return (
    <Panel title="whoAmI">
      {!token && <Note>{t('noToken')}</Note>}
      {refusal && <p className="explorer-failure">{t('refused', refusal)}</p>}
      {token && !said && <Note>{t('notReadable')}</Note>}
      {said && <Identity {...said} />}
      {page.tokenPath && <MintForm />}
    </Panel>
  );
}

function Identity({ subject, scopes, communities, expiresAt }) {
  const t = useText();
  const known = page.scopes.length ? page.scopes : scopes;
  return (
    <dl className="explorer-identity">
      <div>
        <dt>{t('subject')}</dt>
        <dd>{subject}</dd>
      </div>
      <div>
        <dt>{t('expires')}</dt>
        <dd>
          <Expiry at={expiresAt} />
        </dd>
      </div>
      <div>
        <dt>{t('communities')}</dt>
        <dd>{communities.includes('*') ? t('allCommunities') : communities.join(', ') || t('noCommunities')}</dd>
      </div>
      <div>
        <dt>
          {t('scopes')} {scopes.length}/{known.length}
        </dt>
        <dd className="explorer-scopes">
          {[...new Set([...known, ...scopes])].map((scope) => (
            <span key={scope} className={`explorer-badge ${scopes.includes(scope) ? 'is-own' : 'is-absent'}`}>
              {scope}
            </span>
          ))}
        </dd>
      </div>
    </dl>
  );
}
