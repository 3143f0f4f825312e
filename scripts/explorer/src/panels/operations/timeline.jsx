// The steps of a write, with the time that passed since the one before.

import { useLanguage, useText } from '../../language/language.js';

export function Timeline({ operation }) {
  const t = useText();
  const language = useLanguage();
  const time = new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
  return (
    <ol className="explorer-timeline">
      {operation.timeline.map(({ state, at }, index, steps) => (
        <li key={index} className={`is-${state}`}>
          <strong title={state}>{t(`state.${state}`)}</strong> {at && <time dateTime={at}>{time.format(new Date(at))}</time>}
          {index > 0 && at && steps[index - 1].at && (
            <span className="explorer-faint"> +{t('ms', Math.round(new Date(at) - new Date(steps[index - 1].at)))}</span>
          )}
        </li>
      ))}
    </ol>
  );
}
