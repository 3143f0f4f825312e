// Writes recorded.json: objects of every type, as a demo answers that is started for it.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  buildSchema, getNamedType, isAbstractType, isLeafType, isListType, isNonNullType, isRequiredArgument, parse, print,
} from 'graphql';

const ROOT = new URL('../../..', import.meta.url).pathname;
const data = mkdtempSync(`${tmpdir()}/record-`);
const demo = spawn(`${ROOT}.venv/bin/gateway`, ['demo', '--port', '0'], {
  env: { ...process.env, GATEWAY_DATA_DIR: data }, stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000,
});
const printed = await new Promise((resolve, reject) => {
  let text = '';
  demo.on('exit', () => reject(new Error(text)));
  demo.stdout.on('data', (part) => { text += part; if (/is at http/.test(text)) resolve(text); });
});
const url = `${printed.match(/is at (http\S+?)\/?$/m)[1]}/graphql`;
const headers = { 'content-type': 'application/json', authorization: printed.match(/Bearer [\w.-]+/)[0] };
const schema = buildSchema(readFileSync(`${ROOT}schema/schema.graphql`, 'utf8'));
const SAMPLES = 4;

const post = (query, variables, accept) => fetch(url, {
  method: 'POST', headers: { ...headers, accept }, body: JSON.stringify({ query, variables }), signal: AbortSignal.timeout(60_000),
});

async function ask(query, variables = {}) {
  const { data, errors } = await (await post(query, variables, 'application/graphql-response+json')).json();
  for (const { message, path } of errors ?? []) console.error(`${path?.join('.') ?? query}: ${message}`);
  return data;
}

/** Every field of a type, and of the types below it down to a depth; lists below the first are left out. */
function select(type, depth) {
  if (isAbstractType(type)) return '{ __typename id }';
  const fields = Object.values(type.getFields()).filter(({ args }) => !args.some(isRequiredArgument));
  const chosen = fields.flatMap(({ name, type: given }) => {
    const inner = getNamedType(given);
    if (isLeafType(inner)) return [name];
    if (isAbstractType(inner)) return schema.getPossibleTypes(inner).every((one) => one.getFields().id) ? [`${name} { __typename id }`] : [];
    if (depth === 0 || (inner.name.endsWith('Connection') && type.name !== 'Query')) return [];
    return [`${name} ${select(inner, depth - 1)}`];
  });
  return `{ __typename ${chosen.join(' ')} }`;
}

const found = {};
/** Keeps an object, and those in it, under their types. */
function collect(value) {
  if (Array.isArray(value)) return value.map(collect);
  if (typeof value !== 'object' || value === null) return value;
  const { __typename: name, ...fields } = value;
  const kept = Object.fromEntries(Object.entries(fields).map(([field, inner]) => [field, collect(inner)]));
  if (name && !/(Connection|Edge)$/.test(name)) {
    const samples = (found[name] ??= []);
    const same = samples.find(({ id }) => id !== undefined && id === kept.id);
    if (same) Object.assign(same, kept);
    else samples.push(kept);
  }
  return name ? { __typename: name, ...leaves(name, kept) } : kept;
}

/** What stands of an object in another: its plain values, and its parts without an id. */
function leaves(name, fields) {
  const type = schema.getType(name);
  return Object.fromEntries(Object.entries(fields).filter(([field, value]) => {
    const inner = getNamedType(type.getFields()[field].type);
    return value === null || isLeafType(inner) || !type.getFields().id;
  }));
}

// Every mutation of the examples, and every event that they cause.

const examples = readdirSync(`${ROOT}gateway/http/examples`).sort()
  .map((name) => parse(readFileSync(`${ROOT}gateway/http/examples/${name}`, 'utf8')));
const events = { shenheEvents: '"10002"', repairEvents: '"10002"', paymentEvents: '"10002"' };
const received = Object.entries(events).map(async ([name, code]) => {
  const type = getNamedType(schema.getSubscriptionType().getFields()[name].type);
  const query = `subscription { ${name}(communityCode: ${code}) ${select(type, 1)} }`;
  const response = await post(query, {}, 'text/event-stream');
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const data = text.match(/^data: ?(.*)$/m);
    if (data?.[1]) return collect(JSON.parse(data[1]).data[name]);
  }
});
await new Promise((done) => setTimeout(done, 1000));
for (const document of examples) {
  const [operation] = document.definitions;
  if (operation.operation !== 'mutation') continue;
  const [root] = operation.selectionSet.selections;
  const field = schema.getMutationType().getFields()[root.name.value];
  const whole = { ...operation, selectionSet: { kind: 'SelectionSet', selections: [
    { ...root, selectionSet: parse(select(getNamedType(field.type), 2)).definitions[0].selectionSet },
  ] } };
  collect(await ask(print(whole), { key: crypto.randomUUID() }));
}
const [order] = (await ask('{ orders(communityCode: "10002", first: 1, filter: { paymentStatus: UNPAID }) { nodes { number } } }')).orders.nodes;
const paid = `orderNumber: ${JSON.stringify(order.number)}, shopNumber: "record-1", weixinNumber: "record-1"`;
const payload = schema.getType('PayCallbackPayload');
collect(await ask(`mutation { payCallback(input: { ${paid} }) ${select(payload, 2)} }`));
await Promise.all(received);

// Every query, and what they leave out.

const EXTRA = [
  `{ shenhes(first: 50) { nodes { __typename id verification ${select(schema.getType('ShenheVerification'), 2)} } } }`,
  `{ community(code: "10002") { __typename id fees(groupBy: FEE_TYPE) ${select(schema.getType('FeeSummary'), 2)} } }`,
  `mutation { syncModules(input: { communityCode: "00001", dryRun: true }) ${select(schema.getType('SyncModulesPayload'), 2)} }`,
  `mutation { rejectShenhe(input: { id: "1", reason: "材料不全" }) ${select(schema.getType('ShenhePayload'), 2)} }`,
];
for (const query of EXTRA) collect(await ask(query));
const ARGUMENTS = {
  people: 'name: "王芳", phone: "19900000002"',
  house: 'address: { communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101 }',
  modules: 'communityCode: "00001"', operationCounts: 'by: [SUBJECT, MUTATION, OUTCOME, COMMUNITY, DAY]',
  announcements: 'communityCode: "10002", first: 4',
  shenhes: 'filter: { status: PENDING }, first: 4',
  orders: 'communityCode: "10002", first: 4',
  repairs: 'first: 4', operations: 'first: 4', payments: 'first: 4', reveals: 'first: 4',
};
const asked = ({ name }) => (ARGUMENTS[name] ? `${name}(${ARGUMENTS[name]})` : name);
for (const field of Object.values(schema.getQueryType().getFields())) {
  const type = getNamedType(field.type);
  const missing = field.args.filter(isRequiredArgument).some(({ name }) => !ARGUMENTS[field.name]?.includes(`${name}:`));
  if (missing || isAbstractType(type)) continue;
  collect(await ask(`{ ${asked(field)} ${select(type, field.name === 'communities' ? 1 : 3)} }`));
}

const recorded = Object.fromEntries(Object.keys(found).sort().map((name) => {
  const type = schema.getType(name);
  const abstract = (field) => isAbstractType(getNamedType(type.getFields()[field].type));
  const strip = (value, keep) => {
    if (Array.isArray(value)) return value.slice(0, 3).map((one) => strip(one, keep));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value)
      .filter(([key]) => keep || key !== '__typename').map(([key, inner]) => [key, strip(inner, false)]));
  };
  const filled = (sample) => Object.values(sample).filter((value) => value !== null).length;
  const samples = found[name].sort((a, b) => filled(b) - filled(a)).slice(0, name === 'Community' ? 10 : SAMPLES);
  return [name, samples.map((sample) =>
    Object.fromEntries(Object.entries(sample).map(([field, value]) => [field, strip(value, abstract(field))])))];
}));
writeFileSync(new URL('../recorded.json', import.meta.url), `${JSON.stringify(recorded)}\n`);
demo.once('exit', () => rmSync(data, { recursive: true, force: true }));
demo.kill('SIGKILL');
