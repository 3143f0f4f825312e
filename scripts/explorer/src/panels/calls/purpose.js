// What a call was for: the places of the response that asked, the record there and the community, by their public ids.

import { argumentsAt } from '../../response/query-fields.js';
import { showPath } from '../../response/paths.js';

const RECORD = ['number', 'code', 'id'];
const COMMUNITY_ARGUMENTS = ['communityCode', 'communityCodes'];
const COMMUNITY_SENT = ['xiaoqu', 'xiaoqu_id', 'community_identifier', 'community'];
const LONGEST = 22;

// `{ path, more, facts, page }`: the first path, how many others there are, the public ids, the page of a list.
export function purposeOf(call, exchange) {
  const [path] = call.paths;
  const record = path && recordAt(exchange?.body?.data, path);
  const facts = unique([record, ...communitiesOf(call, exchange)]);
  const { page } = call.exchange?.sent?.form ?? {};
  return { path: path ? showPath(path) : '', more: Math.max(call.paths.length - 1, 0), facts, page };
}

// That of equal calls: positions in lists become [*].
export function purposeOfAll(calls, exchange) {
  const paths = calls.flatMap((call) => call.paths.map((path) => showPath(path).replace(/\[\d+\]/g, '[*]')));
  const [path, ...others] = unique(paths);
  const communities = unique(calls.flatMap((call) => communitiesOf(call, exchange)));
  const facts = communities.length > 3 ? [...communities.slice(0, 3), `+${communities.length - 3}`] : communities;
  return { path: path ?? '', more: others.length, facts };
}

export const showPurpose = (t, { path, more, facts, page }) =>
  [more ? `${path} +${more}` : path, ...facts, page && t('pageNumber', page)].filter(Boolean).join(' · ');

const unique = (items) => [...new Set(items.filter(Boolean))];

const shorten = (text) =>
  text.length <= LONGEST ? text : `${text.slice(0, LONGEST / 2)}…${text.slice(1 - LONGEST / 2)}`;

// The public id of the innermost record on the path that the response has one of.
function recordAt(data, path) {
  const records = [];
  let value = data;
  for (const step of path) {
    value = value?.[step];
    if (value && typeof value === 'object' && !Array.isArray(value)) records.unshift(value);
  }
  for (const record of records) {
    const key = RECORD.find((name) => typeof record[name] === 'string');
    if (key) return shorten(record[key]);
  }
  return undefined;
}

// What was sent says it for certain; else the arguments of the fields that lead there.
function communitiesOf(call, exchange) {
  const { form, json } = call.exchange?.sent ?? {};
  const fields = form ?? (json && typeof json === 'object' ? json : {});
  const sent = COMMUNITY_SENT.map((name) => fields[name]).find((value) => value !== undefined && value !== '');
  if (sent !== undefined) return [String(sent)];
  const [path] = call.paths;
  if (!path || !exchange?.query) return [];
  const found = argumentsAt(exchange, path, COMMUNITY_ARGUMENTS).flat();
  return found.length > 3 ? [] : found.map(String);
}
