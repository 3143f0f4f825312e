// Finds places in the text of a response: where a path stands, and which path stands at an offset.

import { findNodeAtLocation, getNodePath, parseTree } from 'jsonc-parser';

let parsed = { text: null, tree: undefined };

function treeOf(text) {
  if (parsed.text !== text) parsed = { text, tree: parseTree(text) };
  return parsed.tree;
}

// `{ offset, length }` of the field's name, or of the list item; undefined where the text has no such place.
export function placeInText(text, path) {
  const tree = treeOf(text);
  const node = tree && findNodeAtLocation(tree, ['data', ...path]);
  const shown = node?.parent?.type === 'property' ? node.parent.children[0] : node;
  return shown && { offset: shown.offset, length: shown === node ? Math.min(node.length, 1) : shown.length };
}

// The path of the null at this offset, with or without its name; undefined where there is none.
export function nullAt(text, offset) {
  const node = nodeAt(treeOf(text), offset);
  const value = node?.parent?.type === 'property' ? node.parent.children[1] : node;
  if (value?.type !== 'null') return undefined;
  const [top, ...path] = getNodePath(value);
  return top === 'data' ? path : undefined;
}

// The innermost node that has this offset inside, or at its end.
function nodeAt(node, offset) {
  if (!node || offset < node.offset || offset > node.offset + node.length) return undefined;
  for (const child of node.children ?? []) {
    const found = nodeAt(child, offset);
    if (found) return found;
  }
  return node;
}
