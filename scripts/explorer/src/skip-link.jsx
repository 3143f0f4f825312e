// The first thing that the keyboard reaches: past the top of the page and the panels, to the editor.

import { useText } from './language/language.js';
import { session } from './session/session.js';

export function SkipLink() {
  const t = useText();
  return (
    <a
      className="explorer-scheme explorer-skip"
      href="#graphiql-session"
      onClick={(event) => {
        event.preventDefault(); // the address may be a shared link
        session()?.queryEditor?.focus();
      }}
    >
      {t('skipToEditor')}
    </a>
  );
}
