// A bar for each call at its place in time, by level. Equal calls are one row with their bars in lanes, and open to a row
// each.

import { useState } from 'react';
import { useText } from '../../language/language.js';
import { lanesOf, levelsOf } from './groups.js';
import { Phases } from './phases.jsx';
import { purposeOf, purposeOfAll, showPurpose } from './purpose.js';
import { lengthOf, SEGMENTS, showTime } from './times.js';

const FEW = 14; // so many calls are shown each in a row
const MANY = 30; // so many have low lanes
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const NARROWEST = 0.004; // of the width: no bar is drawn narrower

export function Waterfall({ trace, exchange, chosen, onChoose }) {
  const t = useText();
  const total = lengthOf(trace);
  const [toggled, setToggled] = useState({});
  const isFew = trace.calls.length <= FEW;
  const common = { exchange, total, chosen, onChoose };
  return (
    <div className={`explorer-waterfall${trace.calls.length > MANY ? ' has-many' : ''}`}>
      <div className="explorer-row explorer-axis" aria-hidden="true">
        <span className="explorer-track">
          {TICKS.map((tick) => (
            <span key={tick} style={{ left: `${100 * tick}%` }}>
              {tick ? showTime(t, tick * total) : 0}
            </span>
          ))}
        </span>
      </div>
      <Phases trace={trace} />
      {levelsOf(trace.calls).map(({ level, groups }) => (
        <section key={level} aria-label={t('level', level)}>
          <h3>
            {t('level', level)} <small>{level === 1 ? t('levelHint.1') : t('levelHint', level)}</small>
          </h3>
          {groups.map((group) => {
            if (group.calls.length === 1) return <CallRow key={group.key} call={group.calls[0]} {...common} />;
            const isOpen = toggled[group.key] ?? isFew;
            const toggle = () => setToggled({ ...toggled, [group.key]: !isOpen });
            return <GroupRow key={group.key} group={group} isOpen={isOpen} onToggle={toggle} {...common} />;
          })}
        </section>
      ))}
    </div>
  );
}

function GroupRow({ group, isOpen, onToggle, exchange, total, chosen, onChoose }) {
  const t = useText();
  const { calls, platform, endpoint } = group;
  const purpose = showPurpose(t, purposeOfAll(calls, exchange));
  const sources = ['own', 'joined', 'kept'].map((source) => [source, calls.filter((one) => one.source === source).length]);
  const failures = calls.filter(({ outcome }) => outcome !== 'OK');
  return (
    <>
      <div className="explorer-row explorer-group">
        <button type="button" className="explorer-call-what" aria-expanded={isOpen} onClick={onToggle}>
          <Name platform={platform} endpoint={endpoint}>
            {' × '}
            {calls.length}
          </Name>
          <span className="explorer-purpose" title={purpose}>
            {purpose}
          </span>
        </button>
        <span className="explorer-badges">
          {sources.map(([source, number]) => number > 0 && <Source key={source} source={source} number={number} />)}
          {failures.length > 0 && (
            <span className="explorer-badge is-failed">
              {failures.length} × {failures[0].outcome}
            </span>
          )}
        </span>
        {isOpen ? (
          <span className="explorer-track" aria-hidden="true">
            <span className="explorer-span" style={place(group, total)} />
          </span>
        ) : (
          <Lanes calls={calls} exchange={exchange} total={total} chosen={chosen} onChoose={onChoose} />
        )}
        <span className="explorer-call-time">{showTime(t, group.durationMs)}</span>
      </div>
      {isOpen &&
        calls.map((call) => (
          <CallRow key={call.id} call={call} exchange={exchange} total={total} chosen={chosen} onChoose={onChoose} isInner />
        ))}
    </>
  );
}

function Lanes({ calls, exchange, total, chosen, onChoose }) {
  const t = useText();
  return (
    <span className="explorer-lanes">
      {lanesOf(calls, total * NARROWEST).map((lane) => (
        <span key={lane[0].id} className="explorer-track">
          {lane.map((call) => {
            const words = [call.endpoint, showPurpose(t, purposeOf(call, exchange)), t(call.source), showTime(t, call.durationMs)];
            return (
              <button
                key={call.id}
                type="button"
                style={place(call, total)}
                title={words.join(' · ')}
                aria-label={words.join(' · ')}
                {...ofCall(call, chosen, onChoose, 'explorer-bar')}
              >
                <Segments call={call} />
              </button>
            );
          })}
        </span>
      ))}
    </span>
  );
}

function CallRow({ call, exchange, total, chosen, onChoose, isInner }) {
  const t = useText();
  const purpose = showPurpose(t, purposeOf(call, exchange));
  return (
    <button type="button" {...ofCall(call, chosen, onChoose, `explorer-row${isInner ? ' is-inner' : ''}`)}>
      <span className="explorer-call-what">
        <Name platform={call.platform} endpoint={call.endpoint} />
        <span className="explorer-purpose" title={purpose}>
          {purpose}
        </span>
      </span>
      <span className="explorer-badges">
        <Source source={call.source} />
        {call.outcome !== 'OK' && <span className="explorer-badge is-failed">{call.outcome}</span>}
      </span>
      <span className="explorer-track" aria-hidden="true">
        <span className="explorer-bar" style={place(call, total)}>
          <Segments call={call} />
        </span>
      </span>
      <span className="explorer-call-time">{showTime(t, call.durationMs)}</span>
    </button>
  );
}

const ofCall = (call, chosen, onChoose, className) => ({
  className: `explorer-call is-${call.source}${call.outcome === 'OK' ? '' : ' has-failed'} ${className}`,
  'data-call': call.id,
  'aria-haspopup': 'dialog',
  'aria-expanded': call.id === chosen,
  onClick: () => onChoose(call),
});

const place = ({ startMs, durationMs }, total) => ({
  left: `${(100 * startMs) / total}%`,
  width: `${(100 * durationMs) / total}%`,
});

const Segments = ({ call }) =>
  SEGMENTS.filter((segment) => call[`${segment}Ms`] > 0).map((segment) => (
    <span key={segment} className={`is-${segment}`} style={{ flexGrow: call[`${segment}Ms`] }} />
  ));

const Name = ({ platform, endpoint, children }) => (
  <span className="explorer-call-name">
    <small>{platform}</small> {endpoint}
    {children}
  </span>
);

function Source({ source, number }) {
  const t = useText();
  return (
    <span className={`explorer-badge is-${source}`} title={t(`sourceHint.${source}`)}>
      {number} {t(source)}
    </span>
  );
}
