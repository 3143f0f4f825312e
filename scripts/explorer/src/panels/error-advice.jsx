// What an error code means, and what to do about it.

import { useText } from '../language/language.js';

export function ErrorAdvice({ code }) {
  const t = useText();
  const [meaning, advice] = [t(`code.${code}`), t(`todo.${code}`)];
  if (meaning === code) return null; // a code that this page does not know yet
  return (
    <p className="explorer-advice">
      {meaning} <strong>{advice}</strong>
    </p>
  );
}
