// Prints the compressed size of each module. A bundler leaves out the documents and labels that an app does not import.

import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
for (const name of readdirSync(dist, { recursive: true }).sort()) {
  if (!name.endsWith('.js')) continue;
  const bytes = gzipSync(readFileSync(dist + name)).length;
  if (bytes > 256) console.error(`${(bytes / 1024).toFixed(1).padStart(6)} KiB gzip  ${name}`);
}
