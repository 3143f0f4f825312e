import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  const target = loadEnv(mode, ".", "GATEWAY_")["GATEWAY_URL"] ?? "http://127.0.0.1:8000";
  // The second one is of the demo alone: your users get their token as they log in.
  const proxy = { "/graphql": { target, ws: true }, "/explorer/token": { target } };
  return {
    server: { host: "127.0.0.1", proxy, fs: { allow: ["../.."] } },
    preview: { host: "127.0.0.1", proxy },
    resolve: { dedupe: ["graphql"] },
  };
});
