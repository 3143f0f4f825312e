// Subscriptions under way with the state of their socket, and the events as they come, newest first.

import { useState } from 'react';
import { page } from '../../page.js';
import { useText } from '../../language/language.js';
import { isoTime, showClock } from '../../language/times.js';
import { Note, Panel } from '../../parts/panel.jsx';
import { bearer, caller } from '../../session/token.js';
import { useStore } from '../../store.js';
import {
  endSubscription,
  forgetSubscription,
  isRunning,
  resumeSubscription,
  subscriptions,
} from '../../transport/subscriptions.js';
import { canMake, makeEvent } from './make-event.js';

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
  const { id, name, field, state, detail, canResume, events } = subscription;
  return (
    <section className="explorer-subscription" aria-label={name}>
      <h3>
        {name} <span className={`explorer-badge is-socket-${state}`}>{t(`socket.${state}`)}</span>
      </h3>
      <p>
        {t('eventsTotal', events.filter(({ result }) => result).length)}{' '}
        {detail && <span className="explorer-faint">{detail}</span>}
      </p>
      {isRunning(subscription) && !canResume && <Note>{t('cannotResume')}</Note>}
      <p className="explorer-buttons">
        {isRunning(subscription) ? (
          <Button words="stop" onClick={() => endSubscription(id)} />
        ) : (
          <Button words="remove" onClick={() => forgetSubscription(id)} />
        )}
        {state === 'refused' && (
          <Button words="connectAgain" onClick={() => resumeSubscription(id, bearer(caller.get().token))} />
        )}
        {page.isDemo && isRunning(subscription) && canMake(field) && <Maker field={field} />}
      </p>
      <ol className="explorer-events" aria-live="polite">
        {events.map((event) => (
          <Event key={event.number} {...event} />
        ))}
      </ol>
    </section>
  );
}

function Button({ words, onClick }) {
  const t = useText();
  return (
    <button type="button" className="explorer-button" onClick={onClick}>
      {t(words)}
    </button>
  );
}

function Event({ at, result, mark, detail }) {
  const t = useText();
  const time = <time dateTime={isoTime(at)}>{showClock(at)}</time>;
  if (mark) {
    return (
      <li className={`is-${mark}`}>
        {time} {t(`connection.${mark}`, detail)}
      </li>
    );
  }
  return (
    <li>
      {time}
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
