// What the gateway itself did, from the first byte of the request to the answer, as one bar.

import { useText } from '../../language/language.js';
import { lengthOf, showMs } from './times.js';

export function Phases({ trace }) {
  const t = useText();
  const total = lengthOf(trace);
  const share = (ms) => `${(100 * ms) / total}%`;
  return (
    <div className="explorer-phases" role="group" aria-label={t('phases')}>
      <div className="explorer-phase-bar" aria-hidden="true">
        {trace.phases.map(({ name, startMs, durationMs }) => (
          <span key={name} className={`is-${name}`} style={{ left: share(startMs), width: share(durationMs) }} />
        ))}
      </div>
      <ol>
        {trace.phases.map(({ name, durationMs }) => (
          <li key={name} className={`is-${name}`}>
            {t(`phase.${name}`)} {t('ms', showMs(durationMs))}
          </li>
        ))}
      </ol>
    </div>
  );
}
