// Subscriptions under way with the state of their sockets, and the events as they come, newest first.

import { useState } from 'react';
import { page } from '../../page.js';
import { useLanguage, useText } from '../../language/language.js';
import { Note, Panel } from '../../parts/panel.jsx';
import { useStore } from '../../store.js';
import { endSubscription, forgetSubscription, subscriptions } from '../../transport/subscriptions.js';
import { canMake, makeEvent } from './make-event.js';

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false };

const RUNNING = ['connecting', 'open', 'waiting'];

export function EventsPanel() {
  const t = useText();
  const { all } = useStore(subscriptions);
  return (
    <Panel title="events">
      {all.length === 0 && <Note>{t('noSubscriptions')}</Note>}
      {all.map((one) => (
        <Subscription key={one.id} subscription={one} />
      ))}
    </Panel>
  );
}

function Subscription({ subscription }) {
  const t = useText();
  const { id, name, field, state, detail, events } = subscription;
  const isRunning = RUNNING.includes(state);
  return (
    <section className="explorer-subscription" aria-label={name}>
      <h3>
        {name} <span className={`explorer-badge is-socket-${state}`}>{t(`socket.${state}`)}</span>
      </h3>
      <p>
        {t('eventsTotal', events.length)} {detail && <span className="explorer-faint">{detail}</span>}
      </p>
      <p className="explorer-buttons">
        {isRunning ? (
          <button type="button" className="explorer-button" onClick={() => endSubscription(id)}>
            {t('stop')}
          </button>
        ) : (
          <button type="button" className="explorer-button" onClick={() => forgetSubscription(id)}>
            {t('remove')}
          </button>
        )}
        {page.isDemo && isRunning && canMake(field) && <Maker field={field} />}
      </p>
      <ol className="explorer-events" aria-live="polite">
        {events.map((event) => (
          <Event key={event.at.getTime() + JSON.stringify(event.result)} {...event} />
        ))}
      </ol>
    </section>
  );
}

function Event({ at, result }) {
  const language = useLanguage();
  const time = at.toLocaleTimeString(language === 'zh' ? 'zh-CN' : 'en-GB', TIME);
  return (
    <li>
      <time dateTime={at.toISOString()}>{time}</time>
      <pre>{JSON.stringify(result.errors ? result.errors : result.data, null, 2)}</pre>
    </li>
  );
}

function Maker({ field }) {
  const t = useText();
  const [state, setState] = useState({});
  const make = async () => {
    setState({ isBusy: true });
    try {
      setState({ note: (await makeEvent(field)) ? 'madeEvent' : 'noEventToMake' });
    } catch (error) {
      setState({ failure: error.message });
    }
  };
  return (
    <>
      <button type="button" className="explorer-button is-main" disabled={state.isBusy} onClick={make}>
        {t('makeEvent')}
      </button>
      <span role="status">{state.failure ?? (state.note && t(state.note))}</span>
    </>
  );
}
