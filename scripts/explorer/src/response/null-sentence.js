// What the description of a field says of null: the first sentence that speaks of it, without the term in brackets.

const TERM = /\s*\([^()]*\p{Script=Han}[^()]*\)/gu;
const SENTENCES = /(?<=\.)\s+|(?<=。)/;

// Undefined where none does. That a caller without a scope gets null is no meaning of it.
export const nullSentence = (description) =>
  description
    ?.replace(TERM, '')
    .split(SENTENCES)
    .find((sentence) => /\bnull\b|为空/i.test(sentence) && !sentence.includes('pii:read'));
