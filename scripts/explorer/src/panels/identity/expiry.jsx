// When a token expires, and how long that is from now.

import { useEffect, useState } from 'react';
import { useText } from '../../language/language.js';
import { showTime } from '../../language/times.js';

export function Expiry({ at }) {
  const t = useText();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (!at) return t('neverExpires');
  const left = Math.round((at - now) / 1000);
  return (
    <>
      {showTime(at)}{' '}
      <span className={left > 0 ? 'explorer-faint' : 'explorer-badge is-failed'}>
        {left > 0 ? t('inTime', showSeconds(t, left)) : t('expiredAgo')}
      </span>
    </>
  );
}

function showSeconds(t, seconds) {
  if (seconds < 60) return t('seconds', seconds);
  return seconds < 3600 ? t('minutes', Math.floor(seconds / 60)) : t('hours', Math.floor(seconds / 3600));
}
