// The calls that the last operation made or shared, in a drawer at the foot of the page and as wide as the page.

import { useEffect, useRef, useState } from 'react';
import { useText } from '../../language/language.js';
import { CallsIcon } from '../../parts/icons.jsx';
import { Note } from '../../parts/panel.jsx';
import { prefer, preferences } from '../../preferences.js';
import { useStore } from '../../store.js';
import { costOf, traceOf, useExchange } from '../../transport/exchanges.js';
import { levelsOf } from './groups.js';
import { Trace } from './trace.jsx';
import { showTime } from './times.js';

const LOWEST = 120; // pixels
const STEP = 32;

export const showCalls = () => prefer({ isCallsOpen: true, hasSeenCalls: true });

export function CallsDrawer() {
  const t = useText();
  const exchange = useExchange();
  const { isCallsOpen, callsHeight } = useStore(preferences);
  const drawer = useRef(null);
  const trace = traceOf(exchange);
  const title = t('calls');
  useEffect(() => {
    if (isCallsOpen) drawer.current.querySelector('.explorer-drawer-body').scrollTop = 0;
  }, [isCallsOpen, trace?.traceId]);
  return (
    <section ref={drawer} className="explorer-scheme explorer-panel explorer-drawer" aria-label={title}>
      {isCallsOpen && <Edge drawer={drawer} />}
      <header>
        <button
          type="button"
          className="explorer-drawer-title"
          aria-expanded={Boolean(isCallsOpen)}
          aria-label={t(isCallsOpen ? 'hidePanel' : 'showPanel', title)}
          onClick={() => (isCallsOpen ? prefer({ isCallsOpen: false }) : showCalls())}
        >
          <CallsIcon className="explorer-icon" aria-hidden="true" /> <strong>{title}</strong>
          <span aria-hidden="true">{isCallsOpen ? ' ▾' : ' ▴'}</span>
        </button>
        {trace ? <Totals trace={trace} cost={costOf(exchange)} /> : <Cost cost={costOf(exchange)} />}
      </header>
      {isCallsOpen && (
        <div className="explorer-drawer-body" style={callsHeight ? { height: `${callsHeight}px` } : undefined}>
          {trace ? (
            <Trace key={trace.traceId} trace={trace} exchange={exchange} />
          ) : (
            <Note>{t(exchange?.body ? 'noTrace' : 'nothingYet')}</Note>
          )}
        </div>
      )}
    </section>
  );
}

// The upper edge: dragged, or moved by the arrow keys. A double click lets the contents decide again.
function Edge({ drawer }) {
  const t = useText();
  const [isDragged, setDragged] = useState(false);
  const body = () => drawer.current.querySelector('.explorer-drawer-body');
  const resize = (height) => prefer({ callsHeight: Math.round(Math.max(LOWEST, Math.min(height, innerHeight - 100))) });
  const typed = ({ key }) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[key];
    if (step) resize(body().offsetHeight + step);
  };
  return (
    <div
      role="separator"
      aria-orientation="horizontal"
      aria-label={t('resizeCalls')}
      aria-valuenow={preferences.get().callsHeight ?? undefined}
      title={t('resizeCalls')}
      tabIndex={0}
      className="explorer-drawer-edge"
      onKeyDown={typed}
      onDoubleClick={() => prefer({ callsHeight: null })}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDragged(true);
      }}
      onPointerMove={(event) => isDragged && resize(body().getBoundingClientRect().bottom - event.clientY)}
      onPointerUp={() => setDragged(false)}
    />
  );
}

function Totals({ trace, cost }) {
  const t = useText();
  const sources = ['own', 'joined', 'kept'].map((source) => [source, trace.calls.filter((one) => one.source === source)]);
  const slowest = levelsOf(trace.calls)
    .flatMap(({ groups }) => groups)
    .sort((one, other) => other.durationMs - one.durationMs)[0];
  return (
    <p className="explorer-totals">
      <strong>{t('callsTotal', trace.calls.length)}</strong>
      {sources.map(
        ([source, calls]) =>
          calls.length > 0 && (
            <span key={source} className={`explorer-badge is-${source}`}>
              {calls.length} {t(source)}
            </span>
          ),
      )}
      <strong>{showTime(t, trace.durationMs)}</strong>
      {slowest && <span>{t('slowest', nameOf(slowest), showTime(t, slowest.durationMs))}</span>}
      <Cost cost={cost} />
      <span className="explorer-faint">{t('execution', trace.execution)}</span>
    </p>
  );
}

const nameOf = ({ endpoint, calls }) => (calls.length > 1 ? `${endpoint} × ${calls.length}` : endpoint);

function Cost({ cost }) {
  const t = useText();
  return cost ? <span>{t('costTotal', cost.requested, cost.actual)}</span> : null;
}
