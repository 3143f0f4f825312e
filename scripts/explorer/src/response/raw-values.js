// Asks again for what platforms sent: a copy of a query that also selects `dataIssues { raw }` of every record.

import { isObjectType, Kind, parse, print, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { startsWith } from './paths.js';

const SELECTION = parse('{ dataIssues { field problem raw masked } }').definitions[0].selectionSet.selections[0];

// The copy. Where the query selects `dataIssues` itself, the server merges both.
export function withDataIssues(query, schema) {
  const types = new TypeInfo(schema);
  const document = visit(
    parse(query),
    visitWithTypeInfo(types, {
      SelectionSet: {
        leave(node) {
          const type = types.getParentType();
          if (!isObjectType(type) || !type.getFields().dataIssues || hasOther(node)) return undefined;
          return { ...node, selections: [...node.selections, SELECTION] };
        },
      },
    }),
  );
  return print(document);
}

// Whether another field is called `dataIssues` here: the copy leaves this record out.
const hasOther = ({ selections }) =>
  selections.some((one) => one.kind === Kind.FIELD && one.alias?.value === 'dataIssues' && one.name.value !== 'dataIssues');

// Every issue of the data as `{ record, field, problem, raw, masked }`; `record` is the path of its record.
export function collectIssues(value, record = []) {
  if (value === null || typeof value !== 'object') return [];
  const own = Array.isArray(value.dataIssues) ? value.dataIssues.map((issue) => ({ record, ...issue })) : [];
  const steps = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  return [...own, ...steps.filter(([step]) => step !== 'dataIssues').flatMap(([step, item]) => collectIssues(item, [...record, step]))];
}

// What was sent for an issue of the trace: the issue of the innermost record above its path.
export function rawOf(issue, collected) {
  return collected
    .filter(
      (each) => each.field === issue.field && each.problem === issue.problem && startsWith(issue.path, each.record),
    )
    .sort((one, other) => other.record.length - one.record.length)[0];
}
