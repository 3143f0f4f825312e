// Whose token the requests carry. It is in the headers editor, and in memory: never in storage, never in an address.

import { parse } from 'jsonc-parser';
import { page } from '../page.js';
import { createStore } from '../store.js';

// `refusal`: the gateway's sentence about a token it refused, and null as soon as the token changes.
export const caller = createStore({ token: page.token, refusal: null });

export const readHeaders = (text) => {
  const headers = parse(text ?? '', [], { allowTrailingComma: true });
  return headers && typeof headers === 'object' ? headers : {};
};

export function tokenOf(headers) {
  const [, value] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization') ?? [];
  return String(value ?? '').replace(/^bearer\s*/i, '').trim();
}

export const headersWith = (token) => `{ "Authorization": "Bearer ${token}" }`;

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });

export function changeToken(token) {
  if (token !== caller.get().token) caller.set({ token, refusal: null });
}

// What a token says about its bearer; null for a text that is no JWT. The gateway alone decides whether it is true.
export function readToken(token) {
  try {
    const payload = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const { sub, scope, communities, exp } = JSON.parse(new TextDecoder().decode(bytes));
    return {
      subject: String(sub ?? ''),
      scopes: String(scope ?? '').split(' ').filter(Boolean),
      communities: Array.isArray(communities) ? communities.map(String) : [],
      expiresAt: typeof exp === 'number' ? new Date(exp * 1000) : null,
    };
  } catch {
    return null;
  }
}
