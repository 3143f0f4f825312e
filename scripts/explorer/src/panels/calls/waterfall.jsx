// A bar for each call, at its place in time, grouped by level and platform.

import { Fragment } from 'react';
import { useText } from '../../language/language.js';
import { lengthOf, SEGMENTS, showMs } from './times.js';

export function Waterfall({ trace, chosen, onChoose, onPoint }) {
  const t = useText();
  const levels = groupBy(trace.calls, 'level');
  const total = lengthOf(trace);
  return (
    <div className="explorer-waterfall">
      {levels.map(([level, calls]) => (
        <section key={level} aria-label={t('level', level)}>
          <h3>
            {t('level', level)} <small>{level === 1 ? t('levelHint.1') : t('levelHint', level)}</small>
          </h3>
          {groupBy(calls, 'platform').map(([platform, own]) => (
            <Fragment key={platform}>
              <h4>{platform}</h4>
              <ul>
                {own.map((call) => (
                  <li key={call.id}>
                    <Bar
                      call={call}
                      total={total}
                      isChosen={call.id === chosen}
                      onChoose={onChoose}
                      onPoint={onPoint}
                    />
                  </li>
                ))}
              </ul>
            </Fragment>
          ))}
        </section>
      ))}
    </div>
  );
}

function Bar({ call, total, isChosen, onChoose, onPoint }) {
  const t = useText();
  const hasFailed = call.outcome !== 'OK';
  const share = (ms) => `${(100 * ms) / total}%`;
  const point = () => onPoint(call.id);
  const leave = () => onPoint(null);
  return (
    <button
      type="button"
      className={`explorer-call is-${call.source}${hasFailed ? ' has-failed' : ''}`}
      data-call={call.id}
      aria-pressed={isChosen}
      onClick={() => onChoose(call)}
      onMouseEnter={point}
      onMouseLeave={leave}
      onFocus={point}
      onBlur={leave}
    >
      <span className="explorer-call-name">{call.endpoint}</span>
      <span className={`explorer-badge is-${call.source}`} title={t(`sourceHint.${call.source}`)}>
        {t(call.source)}
      </span>
      {hasFailed && <span className="explorer-badge is-failed">{call.outcome}</span>}
      <span className="explorer-call-time">{t('ms', showMs(call.durationMs))}</span>
      <span className="explorer-track" aria-hidden="true">
        <span className="explorer-bar" style={{ left: share(call.startMs), width: share(call.durationMs) }}>
          {SEGMENTS.filter((segment) => call[`${segment}Ms`] > 0).map((segment) => (
            <span key={segment} className={`is-${segment}`} style={{ flexGrow: call[`${segment}Ms`] }} />
          ))}
        </span>
      </span>
    </button>
  );
}

// Pairs of a value and the items that have it, in the order of the values.
function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(item[key], [...(groups.get(item[key]) ?? []), item]);
  return [...groups].sort(([one], [other]) => (one > other ? 1 : -1));
}
