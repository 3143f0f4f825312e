import type { ErrorCode, UserError } from "./generated/schema.js";

/** One of `violations`: what is wrong with an argument. */
export type Violation = Pick<UserError, "rule" | "min" | "max" | "message" | "messageZh"> & { field: string[] };

/** `extensions` of an error. Show `messageZh`, report `requestId`. */
export interface ErrorExtensions {
  code: ErrorCode;
  messageZh: string;
  requestId: string;
  retryable?: boolean;
  /** Seconds to wait, of RATE_LIMITED. */
  retryAfter?: number;
  violations?: Violation[];
  missingScope?: string;
  communityCode?: string;
  communityCodes?: string[];
  platform?: string;
  endpoint?: string;
  upstreamMessage?: string;
  [more: string]: unknown;
}

export interface GatewayError {
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions: ErrorExtensions;
}

/** The gateway's errors in an answer's `errors`, urql's `error.graphQLErrors` or Apollo's `error.errors`. */
export function gatewayErrors(errors: readonly { message: string; extensions?: object | undefined }[] = []): GatewayError[] {
  return errors.filter((error): error is GatewayError => !!error.extensions && "code" in error.extensions);
}
