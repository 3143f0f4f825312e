// Runs the client for mini-programs against a simulated wx, with what WeChat allows: five sockets, ten requests, POST
// bodies that are objects, a Referer of its own, no Origin and no cookies. Reads commands from standard input, one JSON
// object a line, and prints what becomes of each, and every event of a subscription.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const [url, given, path] = process.argv.slice(2);
const client = createRequire(import.meta.url)(path);
const { createGateway } = client;
let token = given;
const print = (line) => console.log(JSON.stringify(line));
const Referer = 'https://servicewechat.com/wx0123456789abcdef/1/page-frame.html';

const sockets = new Set();
let opened = 0;
let requests = 0;
let answersToLose = 0;

const wx = {
  request({ url: to, method, header, data, timeout, success, fail }) {
    if (header.referer || header.Referer || typeof data !== 'object' || ++requests > 10) throw new Error('not in wx');
    fetch(to, {
      method,
      headers: { ...header, Referer },
      body: JSON.stringify(data),
      signal: AbortSignal.timeout(timeout),
    })
      .then(async (response) => ({ statusCode: response.status, data: parse(await response.text()) }))
      .finally(() => requests--)
      .then((answer) => {
        if (answersToLose > 0) {
          answersToLose--;
          fail({ errMsg: 'request:fail interrupted' });
        } else success(answer);
      })
      .catch(() => fail({ errMsg: 'request:fail' }));
  },
  connectSocket({ url: to, protocols, fail = () => {} }) {
    const on = { open: () => {}, message: () => {}, close: () => {}, error: () => {} };
    const task = {
      onOpen: (call) => { on.open = call; },
      onMessage: (call) => { on.message = call; },
      onClose: (call) => { on.close = call; },
      onError: (call) => { on.error = call; },
      send: ({ data, fail: failed }) => (socket?.readyState === WebSocket.OPEN ? socket.send(data) : failed?.({})),
      close: ({ code = 1000, reason } = {}) => socket?.close(code, reason),
    };
    let socket = null;
    if (sockets.size === 5) {
      setTimeout(() => { fail({}); on.error({ errMsg: 'connectSocket:fail exceed max' }); });
      return task;
    }
    opened++;
    socket = new WebSocket(to, protocols, { headers: { Referer } });
    sockets.add(socket);
    socket.on('open', () => on.open({}));
    socket.on('message', (data) => on.message({ data: data.toString() }));
    socket.on('error', () => on.error({ errMsg: 'connectSocket:fail' }));
    socket.on('close', (code) => { sockets.delete(socket); on.close({ code }); });
    return task;
  },
};

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const gateway = createGateway({ api: wx, url, getToken: async () => token, onState: (state) => print({ state }) });
const described = ({ code, messageZh }) => ({ code, messageZh });

const commands = {
  query: ({ document, variables }) => gateway.query(document, variables),
  mutate: ({ document, variables, lose }) => {
    answersToLose = lose ?? 0;
    return gateway.mutate(document, variables);
  },
  subscribe: ({ name, document, variables }) => {
    gateway.subscribe(document, variables, {
      next: (payload) => print({ name, payload }),
      error: (problem) => print({ name, error: described(problem) }),
    });
  },
  cut: () => sockets.forEach((socket) => socket.terminate()), // as when the mini-program is in the background
  show: () => gateway.connect(),
  token: ({ is }) => { token = is; },
  page: async ({ reply }) => {
    const [, code] = readFileSync('../../docs/mini-programs.md', 'utf8').match(/^```js\n(.*?)^```$/ms);
    const shown = [];
    wx.showToast = ({ title }) => shown.push(title);
    const app = { freshToken: () => token, show: () => {} };
    let page = null;
    const run = new Function('require', 'wx', 'getApp', 'Page', code.replace('https://gateway.example.org/graphql', url));
    run(() => client, wx, () => app, (given) => { page = { ...given, setData: (data) => Object.assign(page, { data }) }; });
    page.onLoad();
    await page.load();
    const [first] = page.data.rows;
    await page.answer(first.id, reply);
    page.onShow();
    page.onUnload();
    return { rows: page.data.rows.length, first: first.description, failed: page.data.failed, shown };
  },
  count: () => ({ opened, open: sockets.size }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  try {
    print({ command, answer: (await commands[command](given)) ?? null });
  } catch (problem) {
    print({ command, error: described(problem) });
  }
}
process.exit(0);
