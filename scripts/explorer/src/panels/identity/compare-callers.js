// Runs the query of the editor as two callers, and says on which lines their answers differ.

import { getOperationAST, parse } from 'graphql';
import { say } from '../../language/language.js';
import { session } from '../../session/session.js';
import { bearer, caller, readHeaders } from '../../session/token.js';
import { post } from '../../transport/http.js';

// `{ now, other }`, each lines of `{ indent, text, isDifferent }`. Throws an Error that says what cannot be compared.
export async function compareCallers(token) {
  const { queryEditor, variableEditor, operationName } = session();
  const query = queryEditor.getValue();
  if (operationType(query, operationName) !== 'query') throw new Error(say('compareOnlyQueries'));
  const request = { query, variables: readHeaders(variableEditor.getValue()), operationName };
  const [now, other] = await Promise.all(
    [caller.get().token, token].map(async (each) => contentOf(await post(request, bearer(each)))),
  );
  return { now: compareLines(now, other), other: compareLines(other, now) };
}

function operationType(query, operationName) {
  try {
    return getOperationAST(parse(query), operationName).operation;
  } catch {
    throw new Error(say('compareNoQuery'));
  }
}

// Without what differs between any two requests.
function contentOf({ body, failure }) {
  if (!body) throw new Error(say('noAnswer', failure));
  const errors = body.errors?.map(({ message, path, extensions }) => ({ message, path, code: extensions?.code }));
  return { data: body.data, ...(errors && { errors }) };
}

function compareLines(value, against) {
  const lines = [];
  const add = (indent, text, isDifferent) => lines.push({ indent, text, isDifferent });
  const walk = (one, other, indent, before, after) => {
    if (one === null || typeof one !== 'object') {
      add(indent, `${before}${JSON.stringify(one)}${after}`, one !== other);
      return;
    }
    const isList = Array.isArray(one);
    const isDifferent = other === null || typeof other !== 'object';
    add(indent, `${before}${isList ? '[' : '{'}`, isDifferent);
    const keys = Object.keys(one);
    keys.forEach((key, index) =>
      walk(
        one[key],
        isDifferent ? undefined : other[key],
        indent + 1,
        isList ? '' : `${JSON.stringify(key)}: `,
        index < keys.length - 1 ? ',' : '',
      ),
    );
    add(indent, `${isList ? ']' : '}'}${after}`, isDifferent);
  };
  walk(value, against, 0, '', '');
  return lines;
}
