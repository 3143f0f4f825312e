// State that components and plain modules share: `createStore`, and `useStore` for components.

import { useSyncExternalStore } from 'react';

export function createStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    // Merges the members of an object, or what a function of the state returns.
    set(change) {
      state = { ...state, ...(typeof change === 'function' ? change(state) : change) };
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const useStore = (store) => useSyncExternalStore(store.subscribe, store.get);
