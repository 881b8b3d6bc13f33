/**
 * Node's HTTP, without what `import "node:http"` brings along: an ES module evaluates every export of it, and one of them
 * loads a whole WebSocket client, 40 ms and 13 MB at each start. Import types from "node:http"; values from here.
 */
export const { createServer, request, STATUS_CODES, validateHeaderName, validateHeaderValue } =
  process.getBuiltinModule("node:http");
