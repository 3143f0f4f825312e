// The gateway's examples, and their variables as they are filled in.

import { Kind, parse, valueFromASTUntyped } from 'graphql';
import { allowMadeUp } from '../../personal-data.js';

export const DESKS = ['overview', 'reviews', 'fees', 'repairs', 'residents', 'announcements', 'modules', 'payments'];

// `{ desk, english, chinese, query, name, kind, fields }` each; made-up persons in them are no personal data.
export async function loadExamples(path) {
  const examples = await (await fetch(path)).json();
  allowMadeUp(examples.map(({ query }) => query));
  return examples.map((example) => {
    const [operation] = parse(example.query).definitions;
    const fields = operation.selectionSet.selections.map((selection) => selection.name.value);
    return { ...example, name: operation.name.value, kind: operation.operation, fields };
  });
}

// The document with its comments in the page's language: those in Chinese begin with "#zh".
export const documentIn = (language, { query }) =>
  language === 'zh'
    ? query.replace(/^# .*\n/gm, '').replace(/^#zh /gm, '# ')
    : query.replace(/^#zh .*\n/gm, '');

const isKey = (name) => /^(key|idempotencyKey)$/.test(name);

export const freshKey = () => `explorer-${crypto.randomUUID()}`;

// JSON of every variable of the document: its default, a fresh idempotency key, or an empty text.
export function variablesFor(query) {
  const [operation] = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const filled = operation.variableDefinitions.map(({ variable: { name }, defaultValue, type }) => [
    name.value,
    defaultValue
      ? valueFromASTUntyped(defaultValue)
      : isKey(name.value)
        ? freshKey()
        : type.kind === Kind.NON_NULL_TYPE
          ? ''
          : null,
  ]);
  return filled.length ? JSON.stringify(Object.fromEntries(filled), null, 2) : '';
}

// The variables with fresh idempotency keys, or null where they have none.
export function withFreshKeys(variables) {
  const keys = Object.keys(variables).filter(isKey);
  return keys.length ? { ...variables, ...Object.fromEntries(keys.map((name) => [name, freshKey()])) } : null;
}

// Whether an example has all the words: in a title, its desk, its name or its text.
export function matches(example, deskName, words) {
  const text = [example.english, example.chinese, deskName, example.name, example.query].join('\n').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
