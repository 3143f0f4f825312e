// What the gateway itself did, from the first byte of the request to the answer, as one bar.

import { useText } from '../../language/language.js';

export function Phases({ trace }) {
  const t = useText();
  const share = (ms) => `${(100 * ms) / Math.max(trace.durationMs, 0.001)}%`;
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
            {t(`phase.${name}`)} {t('ms', durationMs < 10 ? durationMs.toFixed(2) : Math.round(durationMs))}
          </li>
        ))}
      </ol>
    </div>
  );
}
