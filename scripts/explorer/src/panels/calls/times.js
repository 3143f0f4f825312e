// Times of a trace, in milliseconds from the first byte of the request.

export const SEGMENTS = ['token', 'queued', 'connecting', 'waiting', 'reading'];

export const endOf = ({ startMs, durationMs }) => startMs + durationMs;

// The end of the operation, or of the call that ended last. Not that of `serialise`, which begins after the trace itself
// was made: that time is not the operation's.
export const lengthOf = ({ durationMs, calls }) => Math.max(durationMs, ...calls.map(endOf), 0.001);

export const showMs = (ms) => (ms < 10 ? ms.toFixed(ms < 1 ? 2 : 1) : Math.round(ms));

// As short as can be read: "0.12 ms", "34 ms", "3.0 s".
export const showTime = (t, ms) => (ms < 1000 ? t('ms', showMs(ms)) : t('seconds', (ms / 1000).toFixed(1)));
