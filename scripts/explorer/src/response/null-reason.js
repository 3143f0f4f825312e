// Why a value of the response is null: failed, withheld, masked, not sent, sent and unreadable, or truly empty.

import { errorsOf, traceOf } from '../transport/exchanges.js';
import { isSame, startsWith } from './paths.js';

// `{ kind, error?, issue? }`, in the order that the gateway promises; `kind` is a key of the words `null.…`. Without a
// trace only errors are known: "unknown" then.
export function explainNull(exchange, path) {
  const errors = errorsOf(exchange).filter((error) => error.path);
  const error =
    errors.find((each) => startsWith(path, each.path)) ?? errors.find((each) => startsWith(each.path, path));
  if (error) return { kind: error.extensions?.code === 'FORBIDDEN' ? 'withheld' : 'failed', error };
  const trace = traceOf(exchange);
  if (!trace) return { kind: 'unknown' };
  if (trace.masked?.some((masked) => isSame(masked, path))) return { kind: 'masked' };
  const issue = trace.dataIssues?.find((each) => isSame(each.path, path));
  if (issue) return { kind: issue.problem === 'MISSING' ? 'notSent' : 'unreadable', issue };
  return { kind: 'empty' };
}
