import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    testTimeout: 20_000,
    server: { deps: { inline: [/graphql/] } }, // else tests and tools have two copies of graphql
  },
});
