// The errors of the response, each explained: its code, what to do, its place, and the id to report it with.

import { useText } from '../language/language.js';
import { CopyButton } from '../parts/copy-button.jsx';
import { Failure, Note, Panel } from '../parts/panel.jsx';
import { PathLink } from '../parts/path-link.jsx';
import { errorsOf, useExchange } from '../transport/exchanges.js';
import { ErrorAdvice } from './error-advice.jsx';

export function ErrorsPanel() {
  const t = useText();
  const exchange = useExchange();
  const errors = errorsOf(exchange);
  return (
    <Panel title="errors">
      {exchange?.failure && <Failure>{t('noAnswer', exchange.failure)}</Failure>}
      {errors.length > 0 ? (
        <ol className="explorer-cards">
          {errors.map((error, index) => (
            <li key={index}>
              <ErrorCard error={error} requestId={exchange.requestId} />
            </li>
          ))}
        </ol>
      ) : (
        <Note>{t(exchange?.body ? 'noErrors' : 'nothingYet')}</Note>
      )}
    </Panel>
  );
}

function ErrorCard({ error, requestId }) {
  const t = useText();
  const { code, retryable, retryAfter, missingScope, argument, platform, endpoint, upstreamMessage } = error.extensions ?? {};
  const id = error.extensions?.requestId ?? requestId;
  return (
    <>
      <p>
        <code className="explorer-code">{code}</code>{' '}
        {retryable !== undefined && (
          <span className={`explorer-badge ${retryable ? 'is-kept' : 'is-failed'}`}>
            {t(retryable ? 'retryable' : 'notRetryable')}
          </span>
        )}{' '}
        {retryAfter !== undefined && t('retryAfter', retryAfter)}
      </p>
      <p>{t('messageOf', error)}</p>
      <ErrorAdvice code={code} />
      {upstreamMessage && <blockquote>{upstreamMessage}</blockquote>}
      {missingScope && <p>{t('missingScope', missingScope)}</p>}
      {argument && <p>{t('argumentNamed', argument)}</p>}
      {platform && (
        <p>
          {platform} {endpoint}
        </p>
      )}
      {error.path && (
        <p>
          <PathLink path={error.path} />
        </p>
      )}
      {id && (
        <p>
          {t('requestId')} <CopyButton text={id} label={t('requestId')} />
        </p>
      )}
    </>
  );
}
