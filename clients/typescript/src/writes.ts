import type { Outcome } from "./generated/schema.js";

/** A key for one write, made when the user opens the form: the same key and input are written once. */
export function idempotencyKey(): string {
  if (globalThis.crypto.randomUUID) return globalThis.crypto.randomUUID(); // not on a page over plain HTTP
  return [...globalThis.crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One intention of the user: kept from the opened form until the outcome is known. */
export interface Write {
  readonly key: string;
  /** Whether an attempt may have reached the gateway. */
  pending: boolean;
}

export const newWrite = (): Write => ({ key: idempotencyKey(), pending: false });

/** What a mutation's payload has to select. */
export interface Payload {
  readonly outcome: Outcome;
  readonly userErrors: readonly { readonly code?: string; readonly messageZh?: string; readonly upstreamMessage?: string | null }[];
  readonly operation?: { readonly id: string } | null;
}

/** `payload` is null or missing when there is no answer, or one with errors alone. */
export interface Answer<P> {
  readonly payload?: P | null | undefined;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> | undefined }[] | undefined;
}

export type WriteResult<P> =
  | { readonly kind: "done"; readonly payload: P }
  | { readonly kind: "refused"; readonly payload: P }
  /** A fault: nothing was written. Report `requestId`. */
  | { readonly kind: "failed"; readonly requestId: string; readonly messageZh: string }
  /** It may be done: offer "try again" with the same `write`, or follow the operation. */
  | { readonly kind: "unclear"; readonly operationId?: string | undefined };

const wait = (seconds: number) => new Promise<void>((done) => setTimeout(done, seconds * 1000));

/** Sends a write up to four times with its key. What may have been sent is never called failed. */
export async function writeOnce<P extends Payload>(
  send: (key: string) => Promise<Answer<P>>, write: Write,
): Promise<WriteResult<P>> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(write.key).catch(() => null);
    const payload = answer?.payload;
    if (!payload) {
      const fault = answer?.errors?.find(({ extensions }) => !extensions?.["retryable"]);
      if (fault && write.pending) return { kind: "unclear" }; // this attempt was not sent, an earlier one may have been
      if (fault) {
        const { requestId = "", messageZh = "" } = fault.extensions ?? {};
        return { kind: "failed", requestId: String(requestId), messageZh: String(messageZh) };
      }
    }
    if (!payload || payload.userErrors.some(({ code }) => code === "IDEMPOTENCY_IN_PROGRESS")) {
      write.pending = true;
      if (attempt === 3) return { kind: "unclear" };
      await wait(2 ** attempt);
      continue;
    }
    if (payload.outcome === "CONFIRMED") return { kind: "done", payload };
    if (payload.outcome === "REFUSED") return { kind: "refused", payload };
    return { kind: "unclear", operationId: payload.operation?.id };
  }
}
