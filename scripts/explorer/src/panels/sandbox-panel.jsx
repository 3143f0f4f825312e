// Switches of the demo's platforms: slow, dead, lying, expired tokens, a paid order.

import { useState } from 'react';
import { useText } from '../language/language.js';
import { Failure, Note, Panel } from '../parts/panel.jsx';
import { createStore, useStore } from '../store.js';
import { clearFaults, expireTokens, payOrder, resetSandbox, setFault } from '../transport/page-routes.js';
import { findUnpaidOrder } from './events/make-event.js';

const PLATFORMS = ['wjdh', 'security'];
const FAULTS = { latency: 3, reset: null, wrong_shape: null }; // seconds, where the kind has some

// The fault of each platform as this page switched it: the sandbox cannot be asked.
const faults = createStore({ wjdh: null, security: null });

// The sandbox can switch one fault on, and all off.
async function switchFault(platform, kind) {
  const wanted = { ...faults.get(), [platform]: faults.get()[platform] === kind ? null : kind };
  await clearFaults();
  for (const [name, each] of Object.entries(wanted)) if (each) await setFault(name, each, FAULTS[each]);
  faults.set(wanted);
}

export function SandboxPanel() {
  const t = useText();
  const [said, setSaid] = useState({});
  const act = (action) => async () => {
    try {
      setSaid({ note: await action() });
    } catch (error) {
      setSaid({ failure: error.message });
    }
  };
  const heal = async () => {
    await clearFaults();
    faults.set({ wjdh: null, security: null });
  };
  return (
    <Panel title="sandbox">
      <Note>{t('sandboxHint')}</Note>
      {PLATFORMS.map((platform) => (
        <Platform key={platform} platform={platform} act={act} />
      ))}
      <p className="explorer-buttons">
        <button type="button" className="explorer-button" onClick={act(heal)}>
          {t('healAll')}
        </button>
        <button
          type="button"
          className="explorer-button"
          onClick={act(async () => {
            await resetSandbox();
            await heal();
            return t('sandboxReset');
          })}
        >
          {t('resetSandbox')}
        </button>
      </p>
      <PayForm act={act} />
      {said.failure && <Failure>{said.failure}</Failure>}
      <p role="status">{said.note}</p>
      <Note>{t('circuitHint')}</Note>
    </Panel>
  );
}

function Platform({ platform, act }) {
  const t = useText();
  const current = useStore(faults)[platform];
  return (
    <fieldset className="explorer-form">
      <legend>{platform}</legend>
      <p className="explorer-buttons">
        {Object.keys(FAULTS).map((kind) => (
          <button
            key={kind}
            type="button"
            className="explorer-button is-switch"
            aria-pressed={current === kind}
            title={t(`faultHint.${kind}`)}
            onClick={act(() => switchFault(platform, kind))}
          >
            {t(`fault.${kind}`)}
          </button>
        ))}
        <button
          type="button"
          className="explorer-button"
          onClick={act(async () => {
            await expireTokens(platform);
            return t('tokensExpired');
          })}
        >
          {t('expireTokens')}
        </button>
      </p>
      {current && <small>{t(`faultHint.${current}`)}</small>}
    </fieldset>
  );
}

function PayForm({ act }) {
  const t = useText();
  const [number, setNumber] = useState('');
  const find = async () => {
    const found = await findUnpaidOrder();
    if (!found) return t('noOrder');
    setNumber(found);
    return null;
  };
  const pay = async () => t((await payOrder(number)) ? 'paid' : 'notNotified', number);
  return (
    <form
      className="explorer-form"
      onSubmit={(event) => {
        event.preventDefault();
        act(pay)();
      }}
    >
      <label>
        {t('orderNumber')} <input value={number} required onChange={(event) => setNumber(event.target.value.trim())} />
      </label>
      <p className="explorer-buttons">
        <button type="submit" className="explorer-button is-main">
          {t('pay')}
        </button>
        <button type="button" className="explorer-button" onClick={act(find)}>
          {t('findOrder')}
        </button>
      </p>
    </form>
  );
}
