// A request of a panel's own, with the token of the page. It is not traced, and not shown as the last operation.

import { bearer, caller } from '../session/token.js';
import { post } from './http.js';

// The data. Throws an Error with the first error's sentence.
export async function ask(query, variables) {
  const answer = await post({ query, variables }, bearer(caller.get().token));
  const [error] = answer.body?.errors ?? [];
  if (error || !answer.body) throw new Error(error?.message ?? answer.failure);
  return answer.body.data;
}
