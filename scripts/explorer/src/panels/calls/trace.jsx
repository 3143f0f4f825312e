// A trace: its waterfall, and the details of the call that is chosen.

import { useState } from 'react';
import { useText } from '../../language/language.js';
import { Note } from '../../parts/panel.jsx';
import { Popover } from '../../parts/popover.jsx';
import { mark } from '../../response/marks.js';
import { CallDetails } from './call-details.jsx';
import { Legend } from './legend.jsx';
import { purposeOf, showPurpose } from './purpose.js';
import { showTime } from './times.js';
import { Waterfall } from './waterfall.jsx';

export function Trace({ trace, exchange }) {
  const t = useText();
  const [chosen, setChosen] = useState(null);
  const call = trace.calls.find(({ id }) => id === chosen);
  const anchor = call && document.querySelector(`.explorer-waterfall [data-call="${chosen}"]`);

  // The second click takes the marks away, too. Closed in another way, the details leave them.
  const choose = (one) => {
    const isChosen = one.id === chosen;
    setChosen(isChosen ? null : one.id);
    mark(isChosen ? [] : one.paths, exchange);
  };

  return (
    <>
      <Legend trace={trace} />
      <Waterfall trace={trace} exchange={exchange} chosen={chosen} onChoose={choose} />
      {trace.calls.length === 0 && <Note>{t('noCalls')}</Note>}
      {trace.batches?.length > 0 && <Note>{t('batches', trace.batches.map(showBatch(t)).join('; '))}</Note>}
      {trace.reveals?.length > 0 && <Note>{t('reveals', trace.reveals.map(showReveal).join('; '))}</Note>}
      {anchor && (
        <Popover
          key={chosen}
          anchor={anchor}
          owner=".explorer-waterfall [data-call]"
          label={t('details')}
          title={
            <>
              {call.platform} {call.endpoint} <small>{showPurpose(t, purposeOf(call, exchange))}</small>
            </>
          }
          onClose={() => setChosen(null)}
        >
          <CallDetails call={call} />
        </Popover>
      )}
    </>
  );
}

const showBatch =
  (t) =>
  ({ loader, keys, durationMs }) =>
    `${loader} × ${keys}, ${showTime(t, durationMs)}`;

const showReveal = ({ type, fields, records }) => `${type} (${fields.join(', ')}) × ${records}`;
