/** Sees the orders that its rule lets through. */
export const handler = async ({ id, "replay-name": replay, detail }) => {
  console.log(`${replay ? `replayed by ${replay}` : "live"}: ${detail.euros} euros (${id})`);
};
