// What the colours and shades of the waterfall mean: those that it has in it.

import { useText } from '../../language/language.js';
import { SEGMENTS } from './times.js';

const SHADES = [['authenticate', 'read'], ['parse', 'validate', 'plan'], ['execute'], ['serialise']];

export function Legend({ trace }) {
  const t = useText();
  const { calls, phases } = trace;
  const sources = ['own', 'joined', 'kept'].filter((source) => calls.some((call) => call.source === source));
  const segments = SEGMENTS.filter((segment) => calls.some((call) => call[`${segment}Ms`] > 0));
  const hasFailed = calls.some(({ outcome }) => outcome !== 'OK');
  return (
    <ul className="explorer-legend" aria-label={t('legend')}>
      {sources.map((source) => (
        <li key={source} className={`explorer-call is-${source}`} title={t(`sourceHint.${source}`)}>
          <i className="explorer-bar" /> {t(source)}
        </li>
      ))}
      {hasFailed && (
        <li className="explorer-call has-failed">
          <i className="explorer-bar" /> {t('failed')}
        </li>
      )}
      {segments.map((segment) => (
        <li key={segment} className="explorer-call is-own">
          <i className="explorer-bar">
            <i className={`is-${segment}`} />
          </i>{' '}
          {t(`call.${segment}`)}
        </li>
      ))}
      {SHADES.map((names) => names.filter((name) => phases.some((phase) => phase.name === name))).map(
        (names) =>
          names.length > 0 && (
            <li key={names[0]} className="explorer-phases">
              <i className={`is-${names[0]}`} /> {names.map((name) => t(`phase.${name}`)).join(t('comma'))}
            </li>
          ),
      )}
    </ul>
  );
}
