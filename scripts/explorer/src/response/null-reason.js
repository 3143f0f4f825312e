// Why a value of the response is null, as the gateway says in the trace, and what the schema says of null there.

import { errorsOf, traceOf } from '../transport/exchanges.js';
import { nullSentence } from './null-sentence.js';
import { isSame, startsWith } from './paths.js';
import { descriptionAt } from './query-fields.js';

// `{ reason, error?, sentence? }`; `reason` is a key of the words `null.…`. Without a trace only errors are known.
export function explainNull(exchange, path, schema) {
  const error = errorsOf(exchange).find((each) => each.path && startsWith(each.path, path));
  const noted = traceOf(exchange)?.nulls?.find((each) => isSame(each.path, path));
  const failure = error && (error.extensions?.code === 'FORBIDDEN' ? 'WITHHELD' : 'FAILED');
  const description = descriptionAt(exchange, path, schema);
  return { reason: noted?.reason ?? failure ?? 'UNKNOWN', error, sentence: nullSentence(description) };
}
