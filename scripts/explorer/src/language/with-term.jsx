// A hit of the documentation's search, and the Chinese term behind it.

import { termOf } from './terms.js';

export { searchableOf } from './terms.js';

export const withTerm = (hit, description) => (
  <>
    {hit} <small className="explorer-term">{termOf(description)}</small>
  </>
);
