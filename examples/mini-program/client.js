// The gateway from a mini-program. `api` is wx, uni or Taro; `getToken` gives a valid token, or a promise of one.
// A document is its text, or { id: "sha256:…" } where the gateway runs listed documents only.
const body = (document, variables) =>
  typeof document === "string" ? { query: document, variables } : { documentId: document.id, query: "", variables };
/** Has code, messageZh, requestId, retryable: show messageZh, report requestId. */
const failure = (errors) => Object.assign(new Error(errors[0].message), errors[0].extensions, { errors });
const LOST = [{ message: "no answer", extensions: { code: "NETWORK", messageZh: "网络不可用，请稍后重试。", retryable: true } }];
const REFUSED = [{ message: "token refused", extensions: { code: "UNAUTHENTICATED", messageZh: "请重新登录。" } }];
function createGateway({ api, url, getToken, onState = () => {} }) {
  /** { data, errors }: errors beside data are of single fields. Throws where there is no data at all. */
  async function query(document, variables = {}) {
    const authorization = `Bearer ${await getToken()}`;
    const header = { "content-type": "application/json", accept: "application/graphql-response+json", authorization };
    const { data, errors = [] } = await new Promise((resolve, reject) => {
      const fail = () => reject(failure(LOST));
      const success = ({ data: answer }) => (answer && (answer.data || answer.errors) ? resolve(answer) : fail());
      api.request({ url, method: "POST", header, data: body(document, variables), timeout: 20000, success, fail });
    });
    if (!data) throw failure(errors);
    return { data, errors };
  }
  /** `variables` have an idempotency key, made when the form was opened: what was lost is sent again with the same. */
  async function mutate(document, variables, attempts = 3) {
    try {
      const { data, errors } = await query(document, variables);
      if (Object.values(data).includes(null)) throw failure(errors);
      return data;
    } catch (problem) {
      if (!problem.retryable || attempts === 1) throw problem;
      await new Promise((done) => setTimeout(done, (problem.retryAfter || 1) * 1000));
      return mutate(document, variables, attempts - 1);
    }
  }
  const active = new Map(); // subscriptions by id, all on one socket: a mini-program may have five
  let socket, accepted, retry, tries = 0, lastId = 0;
  const post = (message) => socket?.send?.({ data: JSON.stringify(message), fail() {} });
  const start = ({ document, variables }, id) => post({ id, type: "subscribe", payload: body(document, variables) });
  /** Call it in onShow, too: in the background the socket was cut, and timers stood still. */
  async function connect() {
    clearTimeout(retry);
    if (socket || !active.size) return;
    const options = { url: url.replace(/^http/, "ws"), protocols: ["graphql-transport-ws"], complete() {} };
    socket = {};
    const task = (socket = await api.connectSocket(options)); // Taro gives a promise of it
    const ended = ({ code }) => {
      if (socket !== task) return;
      const refused = code === 4403 && !accepted; // a new connection: the token is not valid
      socket = accepted = null;
      onState("closed");
      if (refused) active.forEach(({ error }, id) => active.delete(id) && error(failure(REFUSED)));
      else retry = setTimeout(connect, Math.random() * Math.min(2 ** tries++, 30) * 1000);
    };
    task.onOpen(async () => post({ type: "connection_init", payload: { Authorization: `Bearer ${await getToken()}` } }));
    task.onMessage(({ data }) => receive(JSON.parse(data)));
    task.onClose(ended);
    task.onError(ended);
  }
  function receive({ type, id, payload }) {
    const { variables, next, error } = active.get(id) || {};
    if (type === "connection_ack") {
      [accepted, tries] = [true, 0];
      onState("connected");
      active.forEach(start);
    } else if (type === "next" && next) {
      const [event] = Object.values(payload.data || {});
      if (event && event.cursor) variables.after = event.cursor; // where the next connection goes on
      next(payload);
    } else if (type === "ping") post({ type: "pong" });
    else if (active.delete(id) && type === "error") error(failure(payload)); // or it is complete
  }
  /** Returns what ends it. `next` gets { data, errors }; at `missed: true` query the list again. */
  function subscribe(document, variables, { next, error = () => {} }) {
    const id = `${++lastId}`;
    active.set(id, { document, variables: { ...variables }, next, error });
    accepted ? start(active.get(id), id) : connect();
    return () => active.delete(id) && (active.size ? post({ id, type: "complete" }) : socket?.close?.({}));
  }
  return { query, mutate, subscribe, connect };
}
module.exports = { createGateway };
