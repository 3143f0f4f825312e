// The frame of a plugin's panel: its title, and a note where there is nothing to show.

import { useText } from '../language/language.js';

export function Panel({ title, actions, children }) {
  const t = useText();
  return (
    <section className="explorer-panel" aria-label={t(title)}>
      <header>
        <h2>{t(title)}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

export const Note = ({ children }) => <p className="explorer-note">{children}</p>;

export const Failure = ({ children }) => (
  <p className="explorer-failure" role="alert">
    {children}
  </p>
);
