// Times of a trace, in milliseconds from the first byte of the request.

export const SEGMENTS = ['token', 'queued', 'connecting', 'waiting', 'reading'];

// The end of the operation, or of the call that ended last. Not that of `serialise`, which begins after the trace itself
// was made: that time is not the operation's.
export const lengthOf = ({ durationMs, calls }) =>
  Math.max(durationMs, ...calls.map((one) => one.startMs + one.durationMs), 0.001);

export const showMs = (ms) => (ms < 10 ? ms.toFixed(ms < 1 ? 2 : 1) : Math.round(ms));
