// The gateway from a mini-program. As JavaScript it needs nothing else of this package.

import type { Text } from "./text.js";

/** A document, or its id where the gateway runs listed documents only. */
export type Document<Data, Variables> =
  | Text<Data, Variables>
  | { readonly id: `sha256:${string}`; readonly __types?: (variables: Variables) => Data };

interface SocketTask {
  onOpen(listener: () => void): void;
  onMessage(listener: (message: { data: any }) => void): void;
  onClose(listener: (closed: { code: number }) => void): void;
  onError(listener: (failed: any) => void): void;
  send(options: { data: string; fail?: () => void }): void;
  close(options: object): void;
}

/** What is used of `wx`, `uni` or `Taro`. */
export interface Api {
  request(options: {
    url: string; method: "POST"; header: Record<string, string>; data: any; timeout: number;
    success: (response: { data: any }) => void; fail: () => void;
  }): unknown;
  /** A task; Taro gives a promise of it. */
  connectSocket(options: { url: string; protocols: string[]; complete: () => void }): any;
}

export interface Failure {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly messageZh: string; readonly [more: string]: any };
}

/** Show `messageZh`, report `requestId`. */
export interface GatewayError extends Error {
  readonly code: string;
  readonly messageZh: string;
  readonly requestId?: string;
  readonly retryable?: boolean;
  readonly retryAfter?: number;
  readonly errors: readonly Failure[];
}

export interface Result<Data> {
  readonly data: Data;
  /** Of single fields: show the rest. */
  readonly errors: readonly Failure[];
}

export interface Options {
  api: Api;
  url: string;
  /** A valid token, or a promise of one. */
  getToken: () => string | Promise<string>;
  onState?: (state: "connected" | "closed") => void;
}

export interface Handlers<Data> {
  /** At `missed: true` query the list again. */
  next: (payload: { data?: Data | null; errors?: readonly Failure[] }) => void;
  error?: (problem: GatewayError) => void;
}

interface Subscription {
  document: Document<any, any>;
  variables: Record<string, unknown>;
  next: (payload: any) => void;
  error: (problem: GatewayError) => void;
}

const body = (document: Document<any, any>, variables: object) =>
  typeof document === "string" ? { query: document, variables } : { documentId: document.id, query: "", variables };
const failure = (errors: readonly Failure[]): GatewayError =>
  Object.assign(new Error(errors[0]?.message), errors[0]?.extensions, { errors }) as any;
const LOST = [{ message: "no answer", extensions: { code: "NETWORK", messageZh: "网络不可用，请稍后重试。", retryable: true } }];
const REFUSED = [{ message: "token refused", extensions: { code: "UNAUTHENTICATED", messageZh: "请重新登录。" } }];

/** A key for one write, made when the form is opened: the same key and input are written once. */
export const idempotencyKey = (): string =>
  [Date.now(), Math.random(), Math.random()].map((number) => number.toString(36).replace("0.", "")).join("-");

export function createGateway({ api, url, getToken, onState = () => {} }: Options) {
  /** `errors` beside data are of single fields. Throws where there is no data at all. */
  async function query<Data = any, Variables = any>(
    document: Document<Data, Variables>, variables: Variables = {} as Variables,
  ): Promise<Result<Data>> {
    const authorization = `Bearer ${await getToken()}`;
    const header = { "content-type": "application/json", accept: "application/graphql-response+json", authorization };
    const { data, errors = [] } = await new Promise<{ data?: Data; errors?: Failure[] }>((resolve, reject) => {
      const fail = () => reject(failure(LOST));
      const success = ({ data: answer }: { data: any }) => (answer && (answer.data || answer.errors) ? resolve(answer) : fail());
      api.request({ url, method: "POST", header, data: body(document, variables as object), timeout: 20000, success, fail });
    });
    if (!data) throw failure(errors);
    return { data, errors };
  }
  /** `variables` have an idempotency key, made when the form was opened: what was lost is sent again with the same. */
  async function mutate<Data = any, Variables = any>(
    document: Document<Data, Variables>, variables: Variables, attempts = 3,
  ): Promise<{ [Field in keyof Data]: NonNullable<Data[Field]> }> {
    try {
      const { data, errors } = await query(document, variables);
      if (Object.values(data as object).includes(null)) throw failure(errors);
      return data as any;
    } catch (problem: any) {
      if (!problem.retryable || attempts === 1) throw problem;
      await new Promise<void>((done) => setTimeout(done, (problem.retryAfter || 1) * 1000));
      return mutate(document, variables, attempts - 1);
    }
  }
  const active = new Map<string, Subscription>(); // all on one socket: a mini-program may have five
  let socket: Partial<SocketTask> | null = null;
  let accepted = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  let lastId = 0;
  const post = (message: object) => socket?.send?.({ data: JSON.stringify(message), fail() {} });
  const start = ({ document, variables }: Subscription, id: string) =>
    post({ id, type: "subscribe", payload: body(document, variables) });
  /** Call it in onShow, too: in the background the socket was cut, and timers stood still. */
  async function connect(): Promise<void> {
    clearTimeout(retry);
    if (socket || !active.size) return;
    const options = { url: url.replace(/^http/, "ws"), protocols: ["graphql-transport-ws"], complete() {} };
    socket = {};
    const task: SocketTask = await api.connectSocket(options);
    socket = task;
    const ended = ({ code }: { code?: number }) => {
      if (socket !== task) return;
      const refused = code === 4403 && !accepted; // a new connection: the token is not valid
      socket = null;
      accepted = false;
      onState("closed");
      if (refused) active.forEach(({ error }, id) => active.delete(id) && error(failure(REFUSED)));
      else retry = setTimeout(connect, Math.random() * Math.min(2 ** tries++, 30) * 1000);
    };
    task.onOpen(async () => post({ type: "connection_init", payload: { Authorization: `Bearer ${await getToken()}` } }));
    task.onMessage(({ data }) => receive(JSON.parse(data)));
    task.onClose(ended);
    task.onError(ended);
  }
  function receive({ type, id, payload }: { type: string; id: string; payload: any }) {
    const subscription = active.get(id);
    if (type === "connection_ack") {
      accepted = true;
      tries = 0;
      onState("connected");
      active.forEach(start);
    } else if (type === "next" && subscription) {
      const [event] = Object.values<any>(payload.data || {});
      if (event && event.cursor) subscription.variables["after"] = event.cursor; // where the next connection goes on
      subscription.next(payload);
    } else if (type === "ping") post({ type: "pong" });
    else if (active.delete(id) && type === "error") subscription?.error(failure(payload)); // or it is complete
  }
  /** Returns what ends it. Select `cursor` and `missed`, and declare `$after`. */
  function subscribe<Data = any, Variables = any>(
    document: Document<Data, Variables>, variables: Variables, { next, error = () => {} }: Handlers<Data>,
  ): () => void {
    const id = `${++lastId}`;
    const subscription = { document, variables: { ...(variables as object) }, next, error };
    active.set(id, subscription);
    if (accepted) start(subscription, id);
    else void connect();
    return () => {
      if (active.delete(id)) active.size ? post({ id, type: "complete" }) : socket?.close?.({});
    };
  }
  return { query, mutate, subscribe, connect };
}
