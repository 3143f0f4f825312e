// One call in full: what was sent and what came back, its times, the response paths that asked for it, why it failed.

import { useText } from '../../language/language.js';
import { PathLink } from '../../parts/path-link.jsx';
import { ErrorAdvice } from '../error-advice.jsx';
import { SEGMENTS, showMs } from './times.js';
import { Verbatim } from './verbatim.jsx';

const MOST_PATHS = 20;

export function CallDetails({ call }) {
  const t = useText();
  const time = (ms) => (ms === null || ms === undefined ? null : t('ms', showMs(ms)));
  const facts = {
    kind: t(`kind.${call.kind}`),
    arguments: call.arguments?.map(({ name, kind }) => `${name} (${kind})`).join(', '),
    start: time(call.startMs),
    duration: time(call.durationMs),
    ...Object.fromEntries(SEGMENTS.map((segment) => [segment, time(call[`${segment}Ms`] || null)])),
    age: time(call.ageMs),
    attempts: call.attempts > 1 ? call.attempts : null,
    tokenRenewals: call.tokenRenewals || null,
    bytes: call.bytes,
    rows: call.rows,
    dataIssues: call.dataIssues || null,
  };
  return (
    <>
      {call.outcome !== 'OK' && (
        <div className="explorer-failure">
          <code>{call.outcome}</code> {call.retryable !== null && t(call.retryable ? 'retryable' : 'notRetryable')}
          <ErrorAdvice code={call.outcome} />
        </div>
      )}
      <p>{t(`sourceHint.${call.source}`)}</p>
      <Verbatim call={call} />
      <dl>
        {Object.entries(facts)
          .filter(([, value]) => value !== null && value !== undefined && value !== '')
          .map(([name, value]) => (
            <div key={name} className={`is-${name}`}>
              <dt>{t(`call.${name}`)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <h4>{t('paths')}</h4>
      <ul className="explorer-paths">
        {call.paths.slice(0, MOST_PATHS).map((path) => (
          <li key={path.join('.')}>
            <PathLink path={path} />
          </li>
        ))}
        {call.paths.length > MOST_PATHS && <li>{t('pathsMore', call.paths.length - MOST_PATHS)}</li>}
      </ul>
    </>
  );
}
