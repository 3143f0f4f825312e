// Times as the gateway writes them: of China, whatever the zone of the browser, and with the zone beside them.

const ZONE = '+08:00';
const OFFSET = 8 * 3600 * 1000; // no summer time since 1991

const inChina = (at) => new Date(new Date(at).getTime() + OFFSET).toISOString().replace('T', ' ').replace('Z', '');

// 2026-11-30 20:38:49 +08:00
export const showTime = (at) => `${inChina(at).slice(0, 19)} ${ZONE}`;

// 2026-11-30 20:38 +08:00
export const showMinute = (at) => `${inChina(at).slice(0, 16)} ${ZONE}`;

// 20:38:49.123 +08:00
export const showClock = (at) => `${inChina(at).slice(11)} ${ZONE}`;

// 2026-11-30T20:38:49.123+08:00
export const isoTime = (at) => `${inChina(at).replace(' ', 'T')}${ZONE}`;
