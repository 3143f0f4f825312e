// The reader's choices, which the browser keeps: whether requests ask for a trace, and the language.

import { createStore } from './store.js';

const KEY = 'wanjia-gateway:preferences';

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // no storage, or not ours
  }
}

const browserLanguage = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';

export const preferences = createStore({ isTraced: true, language: browserLanguage, ...read() });

export function prefer(change) {
  preferences.set(change);
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...change }));
  } catch {
    // The choice then holds until the page is closed.
  }
}
