// Finds the fields of a document that a response path comes from, through fragments and aliases.

import { getOperationAST, Kind, parse, valueFromASTUntyped } from 'graphql';
import { fieldsOf } from './paths.js';

// The name nodes (with `loc`) of the fields at the end of the path; empty where the text does not parse.
export function fieldsAt(query, operationName, path) {
  return walk(query, operationName, path).at(-1)?.map((field) => field.alias ?? field.name) ?? [];
}

// The values of arguments of these names, of all fields on the path.
export function argumentsAt({ query, operationName, variables }, path, names) {
  return walk(query, operationName, path)
    .flat()
    .flatMap((field) => field.arguments ?? [])
    .filter(({ name }) => names.includes(name.value))
    .map(({ value }) => valueFromASTUntyped(value, variablesOf(variables)))
    .filter((value) => value !== null && value !== undefined);
}

// GraphiQL may hold them as the text of its editor.
function variablesOf(variables) {
  if (typeof variables !== 'string') return variables ?? {};
  try {
    return JSON.parse(variables);
  } catch {
    return {};
  }
}

// The fields of each step of the path that is no position in a list.
function walk(query, operationName, path) {
  let document;
  try {
    document = parse(query);
  } catch {
    return [];
  }
  const operation = getOperationAST(document, operationName) ?? getOperationAST(document);
  if (!operation) return [];
  const fragments = new Map(
    document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((one) => [one.name.value, one]),
  );
  let parents = [operation];
  return fieldsOf(path).map((name) => {
    parents = parents
      .flatMap((parent) => selectionsOf(parent.selectionSet, fragments))
      .filter((field) => (field.alias ?? field.name).value === name);
    return parents;
  });
}

function selectionsOf(selectionSet, fragments, seen = new Set()) {
  return (selectionSet?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    if (selection.kind === Kind.INLINE_FRAGMENT) return selectionsOf(selection.selectionSet, fragments, seen);
    const name = selection.name.value;
    if (seen.has(name)) return [];
    return selectionsOf(fragments.get(name)?.selectionSet, fragments, new Set([...seen, name]));
  });
}
