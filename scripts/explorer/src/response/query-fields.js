// Finds the fields of a document that a response path comes from, through fragments and aliases.

import { getNamedType, getOperationAST, Kind, parse, valueFromASTUntyped } from 'graphql';
import { fieldsOf } from './paths.js';

// The name nodes (with `loc`) of the fields at the end of the path; empty where the text does not parse.
export function fieldsAt(query, operationName, path) {
  return walk(query, operationName, path).at(-1)?.map(({ node }) => node.alias ?? node.name) ?? [];
}

// The values of arguments of these names, of all fields on the path.
export function argumentsAt({ query, operationName, variables }, path, names) {
  return walk(query, operationName, path)
    .flat()
    .flatMap(({ node }) => node.arguments ?? [])
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

// What the schema says of the field at the end of the path.
export const descriptionAt = ({ query, operationName }, path, schema) =>
  walk(query, operationName, path, schema).at(-1)?.find(({ field }) => field)?.field.description;

// The selections of each step of the path that is no position in a list, as `{ node, field }`; `field` is the schema's.
function walk(query, operationName, path, schema) {
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
  const select = (node, type, seen = new Set()) =>
    (node?.selectionSet?.selections ?? []).flatMap((selection) => {
      const { name, kind } = selection;
      if (kind === Kind.FIELD) return [{ node: selection, field: type?.getFields?.()[name.value] }];
      if (kind === Kind.FRAGMENT_SPREAD && seen.has(name.value)) return [];
      const fragment = kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(name.value);
      const within = fragment?.typeCondition ? schema?.getType(fragment.typeCondition.name.value) : type;
      return select(fragment, within, name ? new Set([...seen, name.value]) : seen);
    });
  let found = [{ node: operation, field: { type: schema?.getRootType(operation.operation) } }];
  return fieldsOf(path).map((name) => {
    found = found
      .flatMap(({ node, field }) => select(node, field?.type && getNamedType(field.type)))
      .filter(({ node }) => (node.alias ?? node.name).value === name);
    return found;
  });
}
