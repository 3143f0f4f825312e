import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { NewReviewsDocument, createEventsClient } from "wanjia-gateway-client";
import WebSocket, { WebSocketServer } from "ws";

type Message = { type: string; id: string; payload: { variables: { after?: string } } };
const servers: WebSocketServer[] = [];

/** A gateway's end of sockets: `subscribed` says what becomes of a subscription. */
function listen(port: number, subscribed: (socket: WebSocket, message: Message, connection: number) => void) {
  const server = new WebSocketServer({ port, handleProtocols: () => "graphql-transport-ws" });
  servers.push(server);
  let connections = 0;
  server.on("connection", (socket) => {
    const connection = ++connections;
    socket.on("message", (text) => {
      const message: Message = JSON.parse(String(text));
      if (message.type === "connection_init") socket.send('{"type": "connection_ack"}');
      if (message.type === "subscribe") subscribed(socket, message, connection);
    });
  });
  return { server, port: (server.address() as AddressInfo).port, connections: () => connections };
}
const event = (id: string, cursor: string) =>
  JSON.stringify({ type: "next", id, payload: { data: { shenheEvents: { cursor, missed: false } } } });
const connect = (port: number) =>
  createEventsClient({ url: `http://127.0.0.1:${port}/graphql`, getToken: () => "", webSocket: WebSocket });
const variables = { community: "10002" };

afterEach(() => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) server.close();
});

test("a subscription goes on from its cursor after a restart", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0); // no waiting
  let attempts = 0;
  const first = listen(0, (socket, { id }) => {
    socket.send(event(id, "1"));
    socket.close(1012);
    first.server.close();
  });
  const after = await new Promise<string | undefined>((resolve) => {
    const back = () => listen(first.port, (_socket, { payload }) => resolve(payload.variables.after));
    class Counting extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        if (++attempts === 11) back();
      }
    }
    const events = createEventsClient({ url: `http://127.0.0.1:${first.port}`, getToken: () => "", webSocket: Counting });
    events.subscribe(NewReviewsDocument, variables, { next: () => {} });
  });
  expect(after).toBe("1");
  expect(attempts).toBeGreaterThan(10);
});

test("a token that expires is replaced, one that is refused ends the subscription", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const gateway = listen(0, (socket) => socket.close(4403));
  const events = connect(gateway.port);
  const ended = new Promise<string | undefined>((resolve) => {
    events.subscribe(NewReviewsDocument, variables, { next: () => {}, error: ({ extensions }) => resolve(extensions.code) });
  });
  await vi.waitUntil(() => gateway.connections() >= 2); // each was accepted before it was closed
  gateway.server.removeAllListeners("connection");
  gateway.server.on("connection", (socket) => socket.close(4403));
  expect(await ended).toBe("UNAUTHENTICATED");
});
