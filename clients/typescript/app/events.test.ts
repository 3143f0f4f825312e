import { expect, test } from "vitest";
import WebSocket from "ws";
import { 
  AnswerRepairDocument, ChangesDocument, RepairsDocument, createEventsClient, idempotencyKey, newWrite, writeOnce,
} from "wanjia-gateway-client";
import { COMMUNITY, client, token, url } from "./gateway.js";

test("a write's event comes over the socket", async () => {
  let connected = () => {};
  const open = new Promise<void>((done) => { connected = done; });
  const events = createEventsClient({ url, getToken: () => token, webSocket: WebSocket, onState: () => connected() });
  const seen = new Promise((resolve, reject) => {
    events.subscribe(ChangesDocument, { community: COMMUNITY }, {
      next: ({ data }) => data?.repairEvents.kind === "RESOLVED" && resolve(data.repairEvents.repair?.reply),
      error: reject,
    });
  });
  await open;
  const { data: list } = await client.query(RepairsDocument, { community: COMMUNITY });
  const id = list?.repairs?.nodes.find(({ status }) => status === "OPEN")?.id ?? "";
  const reply = `已修好 ${idempotencyKey()}`;
  const write = newWrite();
  const result = await writeOnce(async (key) => {
    const input = { id, status: "RESOLVED", reply, idempotencyKey: key } as const;
    const { data, error } = await client.mutation(AnswerRepairDocument, { input });
    return { payload: data?.updateRepair, errors: error?.graphQLErrors };
  }, write);
  expect(result.kind).toBe("done");
  expect(await seen).toBe(reply);
  events.close();
});

test("a refused token ends the subscription", async () => {
  const events = createEventsClient({ url, getToken: () => "none", webSocket: WebSocket });
  const error = await new Promise<{ extensions: { code?: string } }>((resolve) => {
    events.subscribe(ChangesDocument, { community: COMMUNITY }, { next: () => {}, error: resolve });
  });
  expect(error.extensions.code).toBe("UNAUTHENTICATED");
  events.close();
});
