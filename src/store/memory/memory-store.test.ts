import { storeSuite } from "../store.suite.ts";
import { createMemoryState, createMemoryStore } from "./memory-store.ts";

storeSuite("memory", async () => {
  const state = createMemoryState();
  let store = createMemoryStore(state);
  return {
    store,
    async reopen() {
      await store.close();
      return (store = createMemoryStore(state));
    },
    async damageBlob(sha256) {
      const bytes = state.blobs.get(sha256);
      if (bytes) bytes[0] = (bytes[0] ?? 0) ^ 1;
    },
    dispose: () => store.close(),
  };
});
