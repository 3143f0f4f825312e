// What an error code means, and what to do about it: the gateway wrote both on the page.

import { useLanguage } from '../language/language.js';
import { page } from '../page.js';

export function ErrorAdvice({ code }) {
  const words = page.errorCodes[code]?.[useLanguage()];
  if (!words) return null; // an outcome that is no error
  const [meaning, advice] = words.map((text) => text.replaceAll('`', ''));
  return (
    <p className="explorer-advice">
      {meaning} <strong>{advice}</strong>
    </p>
  );
}
