// An example of the explorer as a document of an app: its sample values become variables that the app has to give, and each
// record has its id, as caches that normalise need.

import { Kind, TypeInfo, getNamedType, parseType, visit, visitWithTypeInfo } from 'graphql';

const isSample = (value) => [Kind.STRING, Kind.LIST, Kind.OBJECT].includes(value?.kind);
const variable = (name) => ({ kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } });
const define = (name, type) =>
  ({ kind: Kind.VARIABLE_DEFINITION, variable: variable(name), type: parseType(`${type}`), directives: [] });

/** A preview keeps its `dryRun: true`, so each of its values is a variable; another write takes its whole `$input`. */
export function asDocument(document, schema) {
  const [operation] = document.definitions;
  const more = [];
  let whole = false;
  const changed = visit(operation, {
    VariableDefinition: (node) => (isSample(node.defaultValue) ? { ...node, defaultValue: undefined } : node),
    Argument(node) {
      if (operation.operation !== 'mutation' || node.name.value !== 'input' || node.value.kind !== Kind.OBJECT) return;
      const [{ name: { value: mutation } }] = operation.selectionSet.selections;
      const { type } = schema.getMutationType().getFields()[mutation].args.find(({ name }) => name === 'input');
      if (!node.value.fields.some(({ name }) => name.value === 'dryRun')) {
        whole = true;
        more.push(define('input', type));
        return { ...node, value: variable('input') };
      }
      const fields = getNamedType(type).getFields();
      const lift = (field) => {
        const name = field.name.value;
        if (field.value.kind === Kind.VARIABLE || name === 'dryRun') return field;
        more.push(define(name, fields[name].type));
        return { ...field, value: variable(name) };
      };
      return { ...node, value: { ...node.value, fields: node.value.fields.map(lift) } };
    },
  });
  const variableDefinitions = whole ? more : [...changed.variableDefinitions, ...more];
  return withIds({ ...document, definitions: [{ ...changed, variableDefinitions }, ...document.definitions.slice(1)] }, schema);
}

function withIds(document, schema) {
  const info = new TypeInfo(schema);
  const id = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: 'id' } };
  return visit(document, visitWithTypeInfo(info, {
    SelectionSet(node) {
      const type = info.getParentType();
      const has = node.selections.some((one) => one.name?.value === 'id');
      const only = node.selections.every(({ kind }) => kind === Kind.FRAGMENT_SPREAD); // which has it
      if (!type?.getFields?.().id || has || only) return;
      return { ...node, selections: [id, ...node.selections] };
    },
  }));
}
