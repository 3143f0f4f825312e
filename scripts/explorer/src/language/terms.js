// The Chinese terms of the schema's descriptions. In English a description has its term in brackets; in Chinese it begins
// with it. The build puts these into the documentation's search and into the completions of the editor.

const IN_BRACKETS = /\(([^()]*\p{Script=Han}[^()]*)\)/u;
const AT_THE_START = /^[^。]*\p{Script=Han}[^。]*(?=。)/u;

// The term, where the page shows descriptions in Chinese; else an empty text.
export const termOf = (description) => (description ?? '').match(AT_THE_START)?.[0] ?? '';

// What the search looks at besides names.
export const searchableOf = (description) => {
  const text = description ?? '';
  return termOf(text) ? text : (text.match(IN_BRACKETS)?.[1] ?? '');
};
