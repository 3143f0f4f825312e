// Below the top of the page, as long as a fault of the demo's sandbox is on: what lies, and how to end it.

import { useText } from './language/language.js';
import { session } from './session/session.js';
import { useStore } from './store.js';
import { faults, readFaults } from './transport/faults.js';
import { clearFaults } from './transport/page-routes.js';

export function FaultBanner() {
  const t = useText();
  const { on } = useStore(faults);
  if (!on.length) return null;
  const end = async () => {
    await clearFaults();
    await readFaults();
  };
  return (
    <div className="explorer-scheme explorer-faults" role="alert">
      <span>
        <strong>{t('faultsOn')}</strong> {on.map((fault) => describeFault(t, fault)).join(t('listComma'))}
      </span>
      <button type="button" className="explorer-chip" onClick={() => session()?.actions.setVisiblePlugin('Sandbox')}>
        {t('sandbox')}
      </button>
      <button type="button" className="explorer-chip" onClick={end}>
        {t('healAll')}
      </button>
    </div>
  );
}

export const describeFault = (t, { platform, endpoint, kind, seconds }) =>
  `${platform.toLowerCase()} ${endpoint ?? t('everyEndpoint')}: ${t(`faultKind.${kind}`, seconds)}`;
