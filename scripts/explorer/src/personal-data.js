// Leaves personal data out of what outlives the page: links, and what GraphiQL keeps in the browser's storage.

const NUMBERS = /(?<!\d)(?:1\d{10}|\d{17}[\dXx])(?!\d)/g; // phone numbers, numbers of identity cards
const NAMED = /((?:\$|\\?")?(?:name|phone|idCard)(?:\\?")?\s*:\s*(?:String!?\s*=\s*)?)(\\?")((?:(?!\\?"|\\).)+)\2/g;

const madeUp = new Set();

// Values of the examples are made up, and stay.
export function allowMadeUp(texts) {
  for (const text of texts) {
    for (const [, , , value] of text.matchAll(NAMED)) madeUp.add(value);
    for (const [value] of text.matchAll(NUMBERS)) madeUp.add(value);
  }
}

// Returns the text, and how many values were left out of it. Texts of JSON inside JSON (escaped quotes) are read too.
export function withoutPersonalData(text) {
  let removed = 0;
  const drop = (value, kept) => {
    if (value === '' || madeUp.has(value)) return kept;
    removed += 1;
    return null;
  };
  const cleaned = text
    .replace(NAMED, (whole, before, quote, value) => drop(value, whole) ?? `${before}${quote}${quote}`)
    .replace(NUMBERS, (value) => drop(value, value) ?? '');
  return { text: cleaned, removed };
}
