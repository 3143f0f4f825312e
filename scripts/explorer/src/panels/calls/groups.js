// Calls of one level to the same endpoint are equal: they stand together, in lanes where they overlap in time.

import { endOf } from './times.js';

// The levels in order, each `{ level, groups }`; a group is `{ key, platform, endpoint, calls, startMs, durationMs }`.
export function levelsOf(calls) {
  const levels = new Map();
  for (const call of calls) {
    if (!levels.has(call.level)) levels.set(call.level, new Map());
    const groups = levels.get(call.level);
    const key = `${call.level} ${call.platform} ${call.endpoint}`;
    groups.set(key, [...(groups.get(key) ?? []), call]);
  }
  return [...levels]
    .sort(([one], [other]) => one - other)
    .map(([level, groups]) => ({ level, groups: [...groups].map(([key, own]) => groupOf(key, own)) }));
}

function groupOf(key, calls) {
  const startMs = Math.min(...calls.map((call) => call.startMs));
  const durationMs = Math.max(...calls.map(endOf)) - startMs;
  const [{ platform, endpoint }] = calls;
  return { key, platform, endpoint, calls, startMs, durationMs };
}

// Lists of calls, none of which overlap, each bar at least so many milliseconds wide.
export function lanesOf(calls, narrowest) {
  const lanes = [];
  for (const call of [...calls].sort((one, other) => one.startMs - other.startMs)) {
    const lane = lanes.find(({ end }) => end <= call.startMs);
    const end = call.startMs + Math.max(call.durationMs, narrowest);
    if (lane) {
      lane.calls.push(call);
      lane.end = end;
    } else {
      lanes.push({ calls: [call], end });
    }
  }
  return lanes.map((lane) => lane.calls);
}
