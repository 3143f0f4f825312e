/// <reference types="miniprogram-api-typings" />
import { createRequire } from "node:module";
import { expect, expectTypeOf, test } from "vitest";
import { createGateway, labels, texts } from "wanjia-gateway-client/mini-program";
import { COMMUNITY, token, url } from "./gateway.js";

/** `wx.request` of a mini-program, with the types that WeChat publishes. */
const wx = {
  request({ url: to, method, header, data, success, fail }: WechatMiniprogram.RequestOption) {
    fetch(to, { method: method ?? "GET", headers: header as Record<string, string>, body: JSON.stringify(data) })
      .then(async (response) => success?.({ data: await response.json() } as never))
      .catch(() => fail?.({ errMsg: "request:fail" } as never));
  },
  connectSocket: (_options: WechatMiniprogram.ConnectSocketOption): WechatMiniprogram.SocketTask => {
    throw new Error("no socket here");
  },
};

test("a text answers with the types of its document", async () => {
  expectTypeOf<WechatMiniprogram.Wx>().toExtend<Parameters<typeof createGateway>[0]["api"]>();
  const gateway = createGateway({ api: wx, url, getToken: () => token });
  const { data, errors } = await gateway.query(texts.Repairs, { community: COMMUNITY });
  const status = data.repairs?.nodes[0]?.status ?? "UNRECOGNIZED";
  expect([errors, labels.RepairStatus[status].zh]).toEqual([[], "未解决"]);
  // @ts-expect-error a community has to be given
  await expect(gateway.query(texts.Repairs, {})).rejects.toMatchObject({ code: expect.any(String) });
});

test("a client of CommonJS has the same", () => {
  const client: typeof import("wanjia-gateway-client/mini-program") =
    createRequire(import.meta.url)("wanjia-gateway-client/mini-program");
  expect(Object.keys(client).sort()).toEqual(["createGateway", "idempotencyKey", "labelOf", "labels", "texts"]);
});
