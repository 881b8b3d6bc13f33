/** S5: a cold start with an empty warm pool, as the client sees it, against starting the interpreter. */
import { startServer } from "../test/harness/server.ts";
import { coldStarts, nodeSubject, pythonSubject } from "./cold-starts.ts";
import { lambdaClient } from "./echo.ts";
import type { Row } from "./row.ts";

export async function run(): Promise<Row[]> {
  const server = await startServer({ args: ["--warm-pool", "0"] });
  try {
    const client = lambdaClient(server.url);
    const rows: Row[] = [];
    for (const subject of [nodeSubject, pythonSubject()]) {
      if (!subject) continue;
      const { coldMs, bootMs } = await coldStarts(client, subject);
      rows.push({
        id: "S5",
        what: `cold start of ${subject.runtime}, empty pool ÷ boot of the interpreter`,
        value: coldMs,
        yardstick: bootMs,
        result: coldMs / bootMs,
        unit: "ms",
        goal: "≤ 2.0",
      });
    }
    return rows;
  } finally {
    await server.stop();
  }
}
