// A request of a panel's own, with the token of the page. It is not traced, and not shown as the last operation.

import { bearer, caller } from '../session/token.js';
import { post, sentenceOf } from './http.js';

// The data. Throws an Error with the first error's sentence.
export async function ask(query, variables) {
  const answer = await post({ query, variables }, bearer(caller.get().token));
  if (answer.body?.errors?.length || !answer.body) throw new Error(sentenceOf(answer));
  return answer.body.data;
}
