// The browser's storage for GraphiQL, without personal data. Tokens never come here: GraphiQL does not store headers.

import { withoutPersonalData } from './personal-data.js';

const PREFIX = 'graphiql:';

const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

export const storage = {
  getItem: (key) => localStorage.getItem(key),
  setItem: (key, value) => localStorage.setItem(key, withoutPersonalData(value).text),
  removeItem: (key) => localStorage.removeItem(key),
  get length() {
    return keys().length;
  },
  clear() {
    for (const key of keys()) localStorage.removeItem(key);
  },
};
