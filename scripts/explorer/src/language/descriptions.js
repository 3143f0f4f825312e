// The schema's descriptions in Chinese: the term that each has in brackets, and its sentences from descriptions.json.
// tests/explorer/test_descriptions.py reads them in the same way, and fails where one is missing.

const TERM = /\s*\(([^()]*\p{Script=Han}[^()]*)\)/u;
const BETWEEN_SENTENCES = /(?<=[.!?])\s+(?=[A-Z`"0-9])/;
const SCOPES = /^Needs the scopes? ((?:`[a-z:]+`(?: and )?)+)\.$/;
const ROOTS = '每种操作都有一个根类型。';

function inChinese(description, sentences) {
  const text = description.replace(/\s+/g, ' ').trim();
  const [bracketed, term] = text.match(TERM) ?? [];
  const translated = text
    .replace(bracketed ?? '', '')
    .split(BETWEEN_SENTENCES)
    .map((sentence, index) => {
      const [, scopes] = sentence.match(SCOPES) ?? [];
      if (scopes) return `需要权限 ${scopes.replace(' and ', ' 和 ')}。`;
      return sentences[sentence] ?? (index === 0 && term ? '' : sentence); // a short one says no more than its term
    });
  return [term ? `${term}。` : '', ...translated].join('');
}

// Changes the descriptions of an introspection. What the browser adds of its own (`__Schema` …) is not shown.
export async function describeInChinese({ __schema: schema }) {
  const { default: sentences } = await import('./descriptions.json');
  const visit = (value) => {
    if (value === null || typeof value !== 'object') return;
    if (value.description) value.description = inChinese(value.description, sentences);
    Object.values(value).forEach(visit);
  };
  visit(schema);
  schema.description ||= ROOTS;
}
