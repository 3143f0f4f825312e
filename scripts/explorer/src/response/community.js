// Which community a place of the response is about: what its records say, or an argument of its fields.

import { getOperationAST, Kind, parse, valueFromASTUntyped } from 'graphql';

// The code, or undefined where nothing around the path names one.
export function communityAt(exchange, path) {
  const values = [];
  let value = exchange.body?.data;
  for (const step of path) {
    values.unshift(value);
    value = value?.[step];
  }
  for (const each of [value, ...values]) {
    const code = each?.communityCode ?? each?.community?.code;
    if (typeof code === 'string') return code;
  }
  return argumentAt(exchange, path) ?? itemCode(exchange.body?.data, path);
}

// Of a list of communities, that of the item.
function itemCode(data, path) {
  const end = path.findIndex((step) => /communit/i.test(step));
  if (end < 0) return undefined;
  let value = data;
  for (const [index, step] of path.entries()) {
    value = value?.[step];
    if (index >= end && typeof value?.code === 'string') return value.code;
  }
  return undefined;
}

function argumentAt({ query, operationName, variables }, path) {
  let document;
  try {
    document = parse(query);
  } catch {
    return undefined;
  }
  const operation = getOperationAST(document, operationName) ?? getOperationAST(document);
  const defaults = (operation?.variableDefinitions ?? [])
    .filter(({ defaultValue }) => defaultValue)
    .map(({ variable, defaultValue }) => [variable.name.value, valueFromASTUntyped(defaultValue)]);
  const values = { ...Object.fromEntries(defaults), ...variables };
  const field = operation?.selectionSet.selections.find(
    (one) => one.kind === Kind.FIELD && (one.alias ?? one.name).value === path[0],
  );
  const named = field?.arguments?.find(
    ({ name }) => name.value === 'communityCode' || (name.value === 'code' && field.name.value === 'community'),
  );
  const code = named && valueFromASTUntyped(named.value, values);
  return typeof code === 'string' ? code : undefined;
}
