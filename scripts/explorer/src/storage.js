// The browser's storage for GraphiQL, without headers and personal data. GraphiQL leaves headers out of its tabs, but
// its history would keep them, and the token with them.

import { withoutPersonalData } from './personal-data.js';

const PREFIX = 'graphiql:';

const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

function withoutHeaders(text) {
  if (!text.includes('"headers"')) return text;
  try {
    return JSON.stringify(JSON.parse(text, (name, value) => (name === 'headers' ? null : value)));
  } catch {
    return text; // a query, say
  }
}

export const storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem(key, value) {
    if (key !== `${PREFIX}headers`) localStorage.setItem(key, withoutPersonalData(withoutHeaders(value)).text);
  },
  removeItem: (key) => localStorage.removeItem(key),
  get length() {
    return keys().length;
  },
  clear() {
    for (const key of keys()) localStorage.removeItem(key);
  },
};
