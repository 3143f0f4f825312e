// Switches of the demo's platforms: any fault of any endpoint, expired tokens, a paid order.

import { useEffect, useState } from 'react';
import { describeFault } from '../fault-banner.jsx';
import { useText } from '../language/language.js';
import { Failure, Note, Panel } from '../parts/panel.jsx';
import { useStore } from '../store.js';
import { faults, isAt, readFaults } from '../transport/faults.js';
import { clearFaults, endFault, expireTokens, payOrder, resetSandbox, setFault } from '../transport/page-routes.js';
import { findUnpaidOrder } from './events/make-event.js';

const PLATFORMS = ['WJDH', 'SECURITY'];
const SLOW = 3; // seconds
const QUICK = { latency: SLOW, reset: null, wrong_shape: null }; // seconds, where the kind has some
const WITH_SECONDS = ['latency', 'slow_drip', 'too_many_requests'];

export function SandboxPanel() {
  const t = useText();
  const [said, setSaid] = useState({});
  const { on } = useStore(faults);
  useEffect(() => {
    readFaults().catch((error) => setSaid({ failure: error.message }));
  }, []);
  const act = (action) => async () => {
    try {
      const note = await action();
      await readFaults();
      setSaid({ note });
    } catch (error) {
      setSaid({ failure: error.message });
    }
  };
  return (
    <Panel title="sandbox">
      <Note>{t('sandboxHint')}</Note>
      {PLATFORMS.map((platform) => (
        <Platform key={platform} platform={platform} act={act} />
      ))}
      <FaultForm act={act} />
      {on.length > 0 && (
        <ul className="explorer-faults-on" aria-label={t('faultsOn')}>
          {on.map((fault) => (
            <li key={`${fault.platform} ${fault.endpoint}`}>
              {describeFault(t, fault)}{' '}
              <button type="button" className="explorer-chip" onClick={act(async () => void (await endFault(fault.platform, fault.endpoint)))}>
                {t('endFault')}
              </button>
            </li>
          ))}
        </ul>
      )}
      <p className="explorer-buttons">
        <button type="button" className="explorer-button" onClick={act(async () => void (await clearFaults()))}>
          {t('healAll')}
        </button>
        <button
          type="button"
          className="explorer-button"
          onClick={act(async () => {
            await resetSandbox();
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
  const current = useStore(faults).on.find((fault) => isAt(fault, platform, null))?.kind;
  const toggle = (kind) => async () => {
    await (current === kind ? endFault(platform, null) : setFault(platform, { kind, seconds: QUICK[kind] }));
  };
  return (
    <fieldset className="explorer-form">
      <legend>{platform.toLowerCase()}</legend>
      <p className="explorer-buttons">
        {Object.entries(QUICK).map(([kind, seconds]) => (
          <button
            key={kind}
            type="button"
            className="explorer-button is-switch"
            aria-pressed={current === kind}
            title={t(`faultKind.${kind}`, seconds)}
            onClick={act(toggle(kind))}
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
    </fieldset>
  );
}

function FaultForm({ act }) {
  const t = useText();
  const { endpoints, kinds } = useStore(faults);
  const [place, setPlace] = useState('WJDH');
  const [kind, setKind] = useState('latency');
  const [seconds, setSeconds] = useState(SLOW);
  const [body, setBody] = useState('');
  const [platform, endpoint] = place.split(' ');
  const isWrite = !endpoint || endpoints.some((one) => one.name === endpoint && one.platform === platform && one.kind === 'write');
  const isFit = isWrite || !kinds.find(({ name }) => name === kind)?.forWrites;
  const switchOn = async () => {
    const hasSeconds = WITH_SECONDS.includes(kind);
    await setFault(platform, { kind, endpoint, ...(hasSeconds && { seconds }), ...(kind === 'body' && { body }) });
  };
  const options = (isForWrites) =>
    kinds
      .filter(({ forWrites }) => forWrites === isForWrites)
      .map(({ name }) => (
        <option key={name} value={name} disabled={isForWrites && !isWrite}>
          {t(`faultKind.${name}`)}
        </option>
      ));
  return (
    <form
      className="explorer-form"
      aria-label={t('pickFault')}
      onSubmit={(event) => {
        event.preventDefault();
        act(switchOn)();
      }}
    >
      <h3>{t('pickFault')}</h3>
      <label>
        {t('endpoint')}
        <select value={place} onChange={(event) => setPlace(event.target.value)}>
          {PLATFORMS.map((name) => (
            <optgroup key={name} label={name.toLowerCase()}>
              <option value={name}>
                {name.toLowerCase()} {t('everyEndpoint')}
              </option>
              {endpoints
                .filter((one) => one.platform === name)
                .map((one) => (
                  <option key={one.name} value={`${name} ${one.name}`}>
                    {one.name}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
      <label>
        {t('faultKind')}
        <select value={kind} onChange={(event) => setKind(event.target.value)}>
          <optgroup label={t('faultsOfCalls')}>{options(false)}</optgroup>
          <optgroup label={t('faultsOfWrites')}>{options(true)}</optgroup>
        </select>
      </label>
      {WITH_SECONDS.includes(kind) && (
        <label>
          {t('faultSeconds')}
          <input
            type="number"
            min="0.1"
            max="600"
            step="0.1"
            required
            value={seconds}
            onChange={(event) => setSeconds(event.target.value)}
          />
        </label>
      )}
      {kind === 'body' && (
        <label>
          {t('faultBody')}
          <input value={body} onChange={(event) => setBody(event.target.value)} />
        </label>
      )}
      <p className="explorer-buttons">
        <button type="submit" className="explorer-button" disabled={!isFit}>
          {t('switchOn')}
        </button>
        {!isFit && <small>{t('onlyWrites')}</small>}
      </p>
    </form>
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
