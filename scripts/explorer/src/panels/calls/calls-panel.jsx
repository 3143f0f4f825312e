// The calls that the last operation made or shared: a waterfall by level and platform, and the totals.

import { useState } from 'react';
import { useText } from '../../language/language.js';
import { Note, Panel } from '../../parts/panel.jsx';
import { mark } from '../../response/marks.js';
import { costOf, traceOf, useExchange } from '../../transport/exchanges.js';
import { CallDetails } from './call-details.jsx';
import { Phases } from './phases.jsx';
import { showMs } from './times.js';
import { Waterfall } from './waterfall.jsx';

export function CallsPanel() {
  const t = useText();
  const exchange = useExchange();
  const trace = traceOf(exchange);
  if (trace) return <Panel title="calls">{<Trace key={trace.traceId} trace={trace} exchange={exchange} />}</Panel>;
  return (
    <Panel title="calls">
      <Note>{t(exchange?.body ? 'noTrace' : 'nothingYet')}</Note>
      <Cost cost={costOf(exchange)} />
    </Panel>
  );
}

function Trace({ trace, exchange }) {
  const t = useText();
  const [chosen, setChosen] = useState(null);
  const [pointed, setPointed] = useState(null);
  const shown = trace.calls.find(({ id }) => id === (pointed ?? chosen));

  const choose = (call) => {
    const isChosen = call.id === chosen;
    setChosen(isChosen ? null : call.id);
    mark(isChosen ? [] : call.paths, exchange);
  };

  return (
    <>
      <Totals trace={trace} cost={costOf(exchange)} />
      <Phases trace={trace} />
      {trace.calls.length ? (
        <Waterfall trace={trace} chosen={chosen} onChoose={choose} onPoint={setPointed} />
      ) : (
        <Note>{t('noCalls')}</Note>
      )}
      {trace.batches?.length > 0 && <Note>{t('batches', trace.batches.map(showBatch(t)).join('; '))}</Note>}
      {trace.reveals?.length > 0 && <Note>{t('reveals', trace.reveals.map(showReveal).join('; '))}</Note>}
      {trace.calls.length > 0 && (
        <section className="explorer-details" aria-label={t('details')}>
          {shown ? <CallDetails call={shown} /> : <Note>{t('pickCall')}</Note>}
        </section>
      )}
    </>
  );
}

const showBatch =
  (t) =>
  ({ loader, keys, durationMs }) =>
    `${loader} × ${keys}, ${t('ms', showMs(durationMs))}`;

const showReveal = ({ type, fields, records }) => `${type} (${fields.join(', ')}) × ${records}`;

function Totals({ trace, cost }) {
  const t = useText();
  const sources = ['own', 'joined', 'kept'].map((source) => [source, trace.calls.filter((one) => one.source === source)]);
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
      <strong>{t('ms', showMs(trace.durationMs))}</strong>
      <Cost cost={cost} />
      <span className="explorer-faint">{t('execution', trace.execution)}</span>
    </p>
  );
}

function Cost({ cost }) {
  const t = useText();
  return cost ? <span>{t('costTotal', cost.requested, cost.actual)}</span> : null;
}
