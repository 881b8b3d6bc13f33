/** From a cause to the handler behind it: on an idle platform, a function that says when it was entered. */
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { startServer } from "../test/harness/server.ts";
import { until } from "../test/harness/wait.ts";
import { createEchoFunction } from "./echo.ts";
import { median } from "./load.ts";

export interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface Causing {
  /** Who calls the function. */
  readonly principal: string;
  /** JavaScript: from `event` to the number that `cause` was given. */
  readonly number: string;
  readonly samples: number;
  /** Makes what leads to the function; answers what causes its invocation number `n`, which answers the moment, epoch ms. */
  readonly connect: (
    settings: ClientSettings,
    functionArn: string,
  ) => Promise<(n: number) => Promise<number>>;
}

/** For the moment after a call. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Median, ms, without the first, which is a cold start. All clocks are this machine's. */
export async function enteredAfterMs({ principal, number, samples, connect }: Causing): Promise<number> {
  const server = await startServer();
  try {
    const settings = {
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
    const enteredMs = "performance.timeOrigin + performance.now()";
    const source = `exports.handler = async (event) => console.log("entered=" + (${number}) + "=" + (${enteredMs}) + "=");`;
    const lambda = await createEchoFunction(server.url, "entered", { "index.js": source });
    await lambda.send(
      new AddPermissionCommand({
        FunctionName: "entered",
        StatementId: "cause",
        Action: "lambda:InvokeFunction",
        Principal: principal,
      }),
    );
    const cause = await connect(settings, "arn:aws:lambda:us-east-1:000000000000:function:entered");
    const causedMs: number[] = [];
    for (let n = 0; n < samples; n += 1) {
      causedMs.push(await cause(n));
      await until("it has run", async () => (await succeeded(server.url)) > n);
    }
    const logs = new CloudWatchLogsClient(settings);
    const entered = await until("its lines are there", async () => {
      const found = await logs.send(
        new FilterLogEventsCommand({ logGroupName: "/aws/lambda/entered", filterPattern: '"entered="' }),
      );
      const lines = (found.events ?? []).map(({ message = "" }) => /entered=(\d+)=(.*)=/.exec(message) ?? []);
      return lines.length >= samples && lines;
    });
    const warm = entered.filter(([, n]) => n !== "0");
    return median(warm.map(([, n, atMs]) => Number(atMs) - (causedMs[Number(n)] ?? Number.NaN)));
  } finally {
    await server.stop();
  }
}

async function succeeded(url: string): Promise<number> {
  const text = await (await fetch(`${url}/_lambdad/metrics`)).text();
  return Number(/^lambdad_async_events_succeeded_total (.*)$/m.exec(text)?.[1]);
}
