// What the gateway itself did, from the first byte of the request to the answer, as the first row of the waterfall.

import { useText } from '../../language/language.js';
import { lengthOf, showTime } from './times.js';

export function Phases({ trace }) {
  const t = useText();
  const total = lengthOf(trace);
  const share = (ms) => `${(100 * ms) / total}%`;
  const words = ({ name, durationMs }) => `${t(`phase.${name}`)} ${showTime(t, durationMs)}`;
  return (
    <div className="explorer-row explorer-phases" role="group" aria-label={t('phases')}>
      <span className="explorer-call-what">
        <span className="explorer-call-name">{t('gateway')}</span>
        <span className="explorer-purpose" title={trace.phases.map(words).join(' · ')}>
          {trace.phases.map(words).join(' · ')}
        </span>
      </span>
      <span className="explorer-track" aria-hidden="true">
        {trace.phases.map((phase) => (
          <span
            key={phase.name}
            className={`is-${phase.name}`}
            style={{ left: share(phase.startMs), width: share(phase.durationMs) }}
          />
        ))}
      </span>
      <span className="explorer-call-time">{showTime(t, trace.durationMs)}</span>
    </div>
  );
}
