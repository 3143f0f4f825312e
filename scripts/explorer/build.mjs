// Builds GraphiQL and its editor's workers into gateway/http/explorer_assets: every file the browser will ask for.

import { build } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const outdir = join(here, '../../gateway/http/explorer_assets');

// GraphiQL's style sheet holds the editor's styles already; the editor's modules bring them a second time.
const withoutEditorStyles = {
  name: 'without-editor-styles',
  setup: ({ onLoad }) => onLoad({ filter: /monaco-editor.*\.css$/ }, () => ({ contents: '' })),
};

// GraphiQL names its icons, to screen readers and under the mouse, after functions, whose names do not survive minifying.
const namedIcons = {
  name: 'named-icons',
  setup: ({ onLoad }) =>
    onLoad({ filter: /graphiql\/react\/dist\/icons\/index\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(
        /generateIcon\((\w+)\);/g,
        "generateIcon(Object.defineProperty($1, 'name', { value: '$1' }));",
      ),
    })),
};

// Descriptions have a Chinese term: the documentation's search finds it and, where the page is in Chinese, hits and the
// editor's completions show it. What is changed has to be in the files still.
const withTerms = (filter, module, names, changes) => ({
  name: `terms-of-${names}`,
  setup: ({ onLoad }) =>
    onLoad({ filter }, async ({ path }) => {
      let contents = await readFile(path, 'utf8');
      for (const [before, after] of changes) {
        if (!contents.includes(before)) throw new Error(`${path} is not as it was, without: ${before}`);
        contents = contents.replace(before, () => after);
      }
      return { contents: `import { ${names} } from ${JSON.stringify(join(here, 'src/language', module))};\n${contents}` };
    }),
});

const searched = (name, node) => [
  `isMatch(${name}, searchValue)`,
  `isMatch(${name} + ' ' + searchableOf(${node}.description), searchValue)`,
];

const hit = (element, node) => [element, `withTerm(${element}, ${node}.description)`];

const fieldHit = (result) =>
  hit(
    `jsx(Field, { field: ${result}.field, argument: ${result}.argument })`,
    `(${result}.argument ?? ${result}.field)`,
  );

const searchedTerms = withTerms(
  /plugin-doc-explorer\/dist\/components\/search\.js$/,
  'with-term.jsx',
  'searchableOf, withTerm',
  [
    searched('typeName', 'type'),
    searched('fieldName', 'field'),
    searched('arg.name', 'arg'),
    fieldHit('result'),
    hit('jsx(Type, { type: result_0.type })', 'result_0.type'),
    fieldHit('result_1'),
  ],
);

const completedTerms = withTerms(/monaco-graphql\/esm\/languageFeatures\.js$/, 'terms.js', 'termOf', [
  ['label: entry.label,', 'label: { label: entry.label, description: termOf(entry.documentation?.value ?? entry.documentation) },'],
]);

const common = {
  absWorkingDir: here,
  bundle: true,
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.USE_IMPORT': '"true"' },
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  minify: true,
  outdir,
  plugins: [withoutEditorStyles, namedIcons, searchedTerms, completedTerms],
  target: 'es2022',
};

async function bundle(entryPoints, options) {
  const { metafile } = await build({ ...common, ...options, entryPoints });
  return metafile;
}

// The built file of an entry point, such as "json.worker-ABCDEFGH.js".
function outputOf(metafile, entryPoint, extension) {
  const [file] = Object.entries(metafile.outputs).find(
    ([path, output]) => output.entryPoint?.endsWith(entryPoint) && path.endsWith(extension),
  );
  return basename(file);
}

async function writeNotices(metafiles) {
  const packages = new Set();
  for (const { inputs } of metafiles) {
    for (const path of Object.keys(inputs)) {
      const found = path.match(/^node_modules\/.*node_modules\/(?:@[^/]+\/)?[^/]+|^node_modules\/(?:@[^/]+\/)?[^/]+/);
      if (found) packages.add(found[0]);
    }
  }
  const notices = [];
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, path, 'package.json'), 'utf8'));
    const texts = [];
    for (const file of (await readdir(join(here, path))).sort()) {
      if (/^(licen[sc]e|notice|thirdpartynotices)/i.test(file)) texts.push(await readFile(join(here, path, file), 'utf8'));
    }
    notices.push([`${name} ${version} (${license})`, ...texts].join('\n\n').trim());
  }
  const icons = "The style sheet holds the icon font Codicon of Microsoft's (CC-BY-4.0).";
  await writeFile(join(outdir, 'NOTICES.txt'), [icons, ...notices].join(`\n\n${'-'.repeat(80)}\n\n`) + '\n');
}

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });

const workers = {
  JSON_WORKER: 'monaco-editor/esm/vs/language/json/json.worker.js',
  GRAPHQL_WORKER: 'monaco-graphql/esm/graphql.worker.js',
  EDITOR_WORKER: 'monaco-editor/esm/vs/editor/editor.worker.js',
};
const workersMeta = await bundle(Object.values(workers), { format: 'iife' });
const names = Object.entries(workers).map(([name, path]) => [name, `"./${outputOf(workersMeta, path, '.js')}"`]);

const pageMeta = await bundle(['src/explorer.jsx'], {
  format: 'esm',
  splitting: true,
  jsx: 'automatic',
  define: { ...common.define, ...Object.fromEntries(names) },
});
const script = outputOf(pageMeta, 'src/explorer.jsx', '.js');
const style = basename(Object.keys(pageMeta.outputs).find((path) => /explorer-\w+\.css$/.test(path)));

const page = await readFile(join(here, 'src/index.html'), 'utf8');
await writeFile(join(outdir, 'index.html'), page.replace('{{script}}', script).replace('{{style}}', style));
await writeNotices([workersMeta, pageMeta]);
