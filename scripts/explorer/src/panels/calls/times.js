// Times of a trace, in milliseconds from the first byte of the request.

export const SEGMENTS = ['token', 'queued', 'connecting', 'waiting', 'reading'];

// The end of whatever ended last: the answer is written after the operation has ended.
export const lengthOf = ({ durationMs, phases, calls }) =>
  Math.max(durationMs, ...[...phases, ...calls].map((one) => one.startMs + one.durationMs), 0.001);

export const showMs = (ms) => (ms < 10 ? ms.toFixed(ms < 1 ? 2 : 1) : Math.round(ms));
