// Links that hold a query and its variables, in the fragment, which browsers send to no server. Never the token, never
// personal data.

import { withoutPersonalData } from '../personal-data.js';

// `{ link, removed }`; `removed` counts the personal values that were left out.
export function makeLink(query, variables) {
  const clean = [query, variables].map(withoutPersonalData);
  const fragment = new URLSearchParams({ query: clean[0].text, variables: clean[1].text });
  const link = `${location.origin}${location.pathname}#${fragment}`;
  return { link, removed: clean[0].removed + clean[1].removed };
}

// `{ query, variables }` of the page's address, or null.
export function readLink() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const query = fragment.get('query');
  return query ? { query, variables: fragment.get('variables') ?? '' } : null;
}
