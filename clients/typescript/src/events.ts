import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type FormattedExecutionResult, print } from "graphql";
import { type Client, type ClientOptions, createClient } from "graphql-ws";
import type { ErrorExtensions } from "./errors.js";

export interface EventsOptions {
  /** The gateway's address, such as "https://gateway.example/graphql". */
  url: string;
  /** A valid token: asked for with each connection. */
  getToken: () => string | Promise<string>;
  /** "connected", or "closed" until the next connection: show the page as disconnected. */
  onState?: (state: "connected" | "closed") => void;
  /** Where there is no global WebSocket, as in Node.js 20: that of ws. */
  webSocket?: ClientOptions["webSocketImpl"];
}

/** Ends a subscription: what it could not recover from. `UNAUTHENTICATED`: the user has to log in, then subscribe again. */
export class EventsError extends Error {
  constructor(message: string, readonly extensions: Partial<ErrorExtensions>, readonly problem: unknown) {
    super(message);
  }
}

export interface Handlers<Data> {
  /** At `missed: true` query the list again. */
  next: (result: FormattedExecutionResult<Data>) => void;
  error?: (error: EventsError) => void;
  complete?: () => void;
}

export interface EventsClient {
  /** Returns what ends it. Select `cursor` and `missed`, and declare `$after`. */
  subscribe<Data, Variables extends object>(
    document: TypedDocumentNode<Data, Variables>, variables: Variables, handlers: Handlers<Data>,
  ): () => void;
  /** For urql's `subscriptionExchange({ forwardSubscription: events.forward })`. */
  forward(request: { query?: string | undefined; variables?: object | undefined }): {
    subscribe(handlers: {
      next: (result: any) => void; error: (error: any) => void; complete: () => void;
    }): { unsubscribe: () => void };
  };
  /** The client of graphql-ws below, which sends queries and mutations as well. */
  readonly client: Client;
  /** Ends all. */
  close(): void;
}

const isEvent = (problem: unknown): problem is { type: string } =>
  typeof problem === "object" && problem !== null && "type" in problem;
const isRefused = (problem: unknown) => isEvent(problem) && "code" in problem && problem.code === 4403;
const MOST_SECONDS = 30;

/** One socket for all subscriptions. It connects again for ever, and each subscription goes on from its last cursor. */
export function createEventsClient({ url, getToken, onState, webSocket }: EventsOptions): EventsClient {
  let accepted = false; // the token, on this connection
  const client = createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: webSocket,
    connectionParams: async () => ({ Authorization: `Bearer ${await getToken()}` }),
    shouldRetry: (problem) => isEvent(problem) && (accepted || !isRefused(problem)),
    retryAttempts: Infinity,
    retryWait: (retries) =>
      new Promise((done) => setTimeout(done, Math.random() * Math.min(2 ** retries, MOST_SECONDS) * 1000)),
    on: {
      connecting: () => { accepted = false; },
      connected: () => { accepted = true; onState?.("connected"); },
      closed: () => onState?.("closed"),
    },
  });

  function start<Data>(query: string, given: object, { next, error, complete }: Handlers<Data>): () => void {
    const variables: Record<string, unknown> = { ...given }; // sent again, as it is then, with each new connection
    return client.subscribe<Data>({ query, variables }, {
      next: (result) => {
        const [event] = Object.values<{ cursor?: string } | null>(result.data ?? {});
        if (event?.cursor) variables["after"] = event.cursor;
        next(result as FormattedExecutionResult<Data>);
      },
      error: (problem) => error?.(asError(problem)),
      complete: () => complete?.(),
    });
  }
  return {
    client,
    subscribe: (document, variables, handlers) => start(print(document), variables, handlers),
    forward: ({ query = "", variables = {} }) => ({
      subscribe: (handlers) => ({ unsubscribe: start(query, variables, handlers) }),
    }),
    close: () => void client.dispose(),
  };
}

function asError(problem: unknown): EventsError {
  if (isRefused(problem)) {
    return new EventsError("The token is not valid.", { code: "UNAUTHENTICATED", messageZh: "请重新登录。" }, problem);
  }
  const first = Array.isArray(problem) ? problem[0] : problem; // errors of the operation
  return new EventsError(first?.message ?? "The subscription ended.", first?.extensions ?? {}, problem);
}
