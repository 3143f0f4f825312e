// Finds the fields of a document that a response path comes from, through fragments and aliases.

import { getOperationAST, Kind, parse } from 'graphql';
import { fieldsOf } from './paths.js';

// The name nodes (with `loc`) of the fields at the end of the path; empty where the text does not parse.
export function fieldsAt(query, operationName, path) {
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
  for (const name of fieldsOf(path)) {
    parents = parents
      .flatMap((parent) => selectionsOf(parent.selectionSet, fragments))
      .filter((field) => (field.alias ?? field.name).value === name);
  }
  return parents.filter(({ kind }) => kind === Kind.FIELD).map((field) => field.alias ?? field.name);
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
