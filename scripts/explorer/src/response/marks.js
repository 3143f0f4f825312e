// Marks paths in the editors: the fields in the query, the places in the response.

import { session } from '../session/session.js';
import { fieldsAt } from './query-fields.js';
import { placesOf } from './paths.js';
import { placeInText } from './response-text.js';

const collections = new WeakMap();

// Marks these paths, and scrolls to the first. An empty list takes the marks away.
export function mark(paths, exchange) {
  const { queryEditor, responseEditor } = session() ?? {};
  if (!queryEditor || !responseEditor) return;
  const fields = paths.flatMap((path) => fieldsAt(queryEditor.getValue(), exchange?.operationName, path));
  decorate(queryEditor, unique(fields.map(({ loc }) => ({ offset: loc.start, length: loc.end - loc.start }))));
  const text = responseEditor.getValue();
  const places = paths.flatMap((path) => placesOf(exchange?.body?.data, path)).map((path) => placeInText(text, path));
  decorate(responseEditor, unique(places.filter(Boolean)));
}

const unique = (places) => [...new Map(places.map((place) => [place.offset, place])).values()];

function decorate(editor, places) {
  const model = editor.getModel();
  const ranges = places.map(({ offset, length }) => {
    const start = model.getPositionAt(offset);
    const end = model.getPositionAt(offset + length);
    return {
      startLineNumber: start.lineNumber,
      startColumn: start.column,
      endLineNumber: end.lineNumber,
      endColumn: end.column,
    };
  });
  if (!collections.has(editor)) collections.set(editor, editor.createDecorationsCollection());
  collections
    .get(editor)
    .set(ranges.map((range) => ({ range, options: { inlineClassName: 'explorer-mark', className: 'explorer-mark-line' } })));
  if (ranges.length) editor.revealRangeInCenterIfOutsideViewport(ranges[0]);
}
