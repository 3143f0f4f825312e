// The errors of the response, each explained: its code, what to do, its places, and the id to report it with. Errors
// that differ in their places alone are one.

import { useText } from '../language/language.js';
import { CopyButton } from '../parts/copy-button.jsx';
import { Failure, Note, Panel } from '../parts/panel.jsx';
import { PathLink } from '../parts/path-link.jsx';
import { communityAt } from '../response/community.js';
import { isSame } from '../response/paths.js';
import { errorsOf, useExchange } from '../transport/exchanges.js';
import { ErrorAdvice } from './error-advice.jsx';

const MOST_PATHS = 5;

export function ErrorsPanel() {
  const t = useText();
  const exchange = useExchange();
  const groups = groupErrors(exchange);
  return (
    <Panel title="errors">
      {exchange?.failure && <Failure>{t('noAnswer', exchange.failure)}</Failure>}
      {groups.length > 0 ? (
        <ol className="explorer-cards">
          {groups.map((group, index) => (
            <li key={index}>
              <ErrorCard {...group} requestId={exchange.requestId} />
            </li>
          ))}
        </ol>
      ) : (
        <Note>{t(exchange?.body ? 'noErrors' : 'nothingYet')}</Note>
      )}
    </Panel>
  );
}

// `{ error, count, paths, communities }` of errors that say the same, in their order.
function groupErrors(exchange) {
  const groups = new Map();
  for (const error of errorsOf(exchange)) {
    const { requestId, communityCode, ...said } = error.extensions ?? {};
    const key = JSON.stringify([error.message, said]);
    const group = groups.get(key) ?? { error, count: 0, paths: [], communities: [] };
    groups.set(key, group);
    group.count += 1;
    const { path } = error;
    if (path && !group.paths.some((each) => isSame(each, path))) group.paths.push(path);
    const community = communityCode ?? (path && communityAt(exchange, path));
    if (community && !group.communities.includes(community)) group.communities.push(community);
  }
  return [...groups.values()];
}

function ErrorCard({ error, count, paths, communities, requestId }) {
  const t = useText();
  const { code, retryable, retryAfter, missingScope, argument, platform, endpoint, upstreamMessage, violations } =
    error.extensions ?? {};
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
        {retryAfter !== undefined && t('retryAfter', retryAfter)} {count > 1 && t('errorTimes', count)}
      </p>
      {violations?.length > 1 ? <Violations violations={violations} /> : <p>{t('messageOf', error)}</p>}
      <ErrorAdvice code={code} />
      {upstreamMessage && <blockquote>{upstreamMessage}</blockquote>}
      {missingScope && <p>{t('missingScope', missingScope)}</p>}
      {argument && !(violations?.length > 1) && <p>{t('argumentNamed', argument)}</p>}
      {platform && (
        <p>
          {platform} {endpoint}
        </p>
      )}
      {communities.length > 0 && (
        <p>
          {t('communities')}: {communities.join(', ')}
        </p>
      )}
      {paths.slice(0, MOST_PATHS).map((path) => (
        <p key={path.join('.')}>
          <PathLink path={path} />
        </p>
      ))}
      {paths.length > MOST_PATHS && <p>{t('pathsMore', paths.length - MOST_PATHS)}</p>}
      {id && (
        <p>
          {t('requestId')} <CopyButton text={id} label={t('requestId')} />
        </p>
      )}
    </>
  );
}

// Everything that is wrong with the input, each by its field and rule.
function Violations({ violations }) {
  const t = useText();
  return (
    <ul className="explorer-violations" aria-label={t('violationsOf')}>
      {violations.map(({ field, rule, message, messageZh }, index) => (
        <li key={index}>
          <code>{field?.join('.')}</code> <span className="explorer-badge">{rule}</span>{' '}
          {t('messageOf', { message, extensions: { messageZh } })}
        </li>
      ))}
    </ul>
  );
}
