import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Answer, type Payload, newWrite, writeOnce } from "wanjia-gateway-client";

const failed = (code: string, retryable = false): Answer<Payload> =>
  ({ payload: null, errors: [{ extensions: { code, requestId: "1", messageZh: "", retryable } }] });
const written = (outcome: Payload["outcome"], ...codes: string[]): Answer<Payload> =>
  ({ payload: { outcome, userErrors: codes.map((code) => ({ code })) } });
const LOST = null;
const EXPIRED = failed("UNAUTHENTICATED");
const TOO_LATE = failed("UPSTREAM_TIMEOUT", true);
const IN_PROGRESS = written("REFUSED", "IDEMPOTENCY_IN_PROGRESS");

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

test.each([
  [[EXPIRED], ["failed"]],
  [[LOST, EXPIRED], ["unclear"]],
  [[TOO_LATE, EXPIRED], ["unclear"]],
  [[LOST, LOST, LOST, LOST, EXPIRED, written("CONFIRMED")], ["unclear", "unclear", "done"]],
  [[IN_PROGRESS, EXPIRED], ["unclear"]],
  [[LOST, IN_PROGRESS, written("CONFIRMED")], ["done"]],
  [[written("REFUSED", "PERSON_NOT_FOUND")], ["refused"]],
  [[written("UNKNOWN")], ["unclear"]],
] as const)("a write that may have been sent is not called failed: %#", async (answers, kinds) => {
  const write = newWrite();
  const left = [...answers];
  const keys = new Set<string>();
  for (const kind of kinds) {
    const result = writeOnce(async (key) => {
      keys.add(key);
      return left.shift() ?? Promise.reject(new Error("lost"));
    }, write);
    await vi.runAllTimersAsync();
    expect((await result).kind).toBe(kind);
  }
  expect(left).toEqual([]);
  expect([...keys]).toEqual([write.key]);
});
