// The steps of a write, with the time that passed since the one before.

import { useText } from '../../language/language.js';
import { showTime } from '../../language/times.js';

export function Timeline({ operation }) {
  const t = useText();
  return (
    <ol className="explorer-timeline">
      {operation.timeline.map(({ state, at }, index, steps) => (
        <li key={index} className={`is-${state}`}>
          <strong title={state}>{t(`state.${state}`)}</strong> {at && <time dateTime={at}>{showTime(at)}</time>}
          {index > 0 && at && steps[index - 1].at && (
            <span className="explorer-faint"> +{t('ms', Math.round(new Date(at) - new Date(steps[index - 1].at)))}</span>
          )}
        </li>
      ))}
    </ol>
  );
}
