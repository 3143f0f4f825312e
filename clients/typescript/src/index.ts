export type * from "./generated/schema.js";
export type * from "./generated/operations.js";
export * from "./generated/documents.js";
export * as labels from "./generated/labels.js";
export { type Label, type Labels, labelOf } from "./label.js";
export { type ErrorExtensions, type GatewayError, type Violation, gatewayErrors } from "./errors.js";
export {
  type Answer, type Payload, type Write, type WriteResult, idempotencyKey, newWrite, writeOnce,
} from "./writes.js";
export { type EventsClient, type EventsOptions, EventsError, type Handlers, createEventsClient } from "./events.js";
