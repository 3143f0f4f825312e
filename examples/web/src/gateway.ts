import { Client, fetchExchange, mapExchange, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { createEventsClient, gatewayErrors } from "wanjia-gateway-client";
import { keys } from "wanjia-gateway-client/graphcache";

const PATH = "/graphql";

/** Reads and writes over HTTP, events over one socket, records once in the cache, by their `id`. */
export function connect(token: string, onLive: (isLive: boolean) => void, onRefused: () => void) {
  const events = createEventsClient({
    url: new URL(PATH, location.href).href,
    getToken: () => token,
    onState: (state) => onLive(state === "connected"),
  });
  const client = new Client({
    url: PATH,
    preferGetMethod: false,
    fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [
      mapExchange({
        onError: ({ graphQLErrors }) => {
          if (gatewayErrors(graphQLErrors).some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) onRefused();
        },
      }),
      cacheExchange({ keys }),
      fetchExchange,
      subscriptionExchange({ forwardSubscription: (request) => events.forward(request) }),
    ],
  });
  return { client, close: () => events.close() };
}
