import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeliver, NoSuchTarget } from "./deliver.ts";
import type { DeliveredEvent, DeliveryContext } from "./ports.ts";

const ctx: DeliveryContext = {
  account: "000000000000",
  region: "us-east-1",
  principal: "lambda.amazonaws.com",
  sourceArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
  traceHeader: "Root=1-00000000-000000000000000000000000",
};

test("an event goes to the service that its ARN names, also where the SDK calls it otherwise", async () => {
  const seen: [string, string, DeliveredEvent, DeliveryContext][] = [];
  const target = (name: string) => ({
    deliver: async (...args: [string, DeliveredEvent, DeliveryContext]) => void seen.push([name, ...args]),
  });
  const services = ["sqs", "eventbridge"].map((name) => ({ name, target: target(name) }));
  const deliver = createDeliver(() => [...services, { name: "sts" }]);
  const event = { body: Buffer.from("{}") };
  await deliver("arn:aws:sqs:us-east-1:000000000000:orders", event, ctx);
  await deliver("arn:aws:events:us-east-1:000000000000:event-bus/default", event, ctx);
  assert.deepEqual(seen, [
    ["sqs", "arn:aws:sqs:us-east-1:000000000000:orders", event, ctx],
    ["eventbridge", "arn:aws:events:us-east-1:000000000000:event-bus/default", event, ctx],
  ]);
  for (const arn of ["arn:aws:sts:us-east-1:000000000000:x", "arn:aws:sns:us-east-1:0:t", "no arn"]) {
    await assert.rejects(deliver(arn, event, ctx), NoSuchTarget);
  }
});
