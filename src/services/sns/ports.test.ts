/** A topic keeps the laws of targets: what comes is published, durable with the list of those who are to get it. */
import { createSimClock } from "../../base/clock-sim.ts";
import { silentLogger } from "../../base/logger.ts";
import { createMetrics } from "../../base/metrics.ts";
import { seededRandom } from "../../base/random.ts";
import { sender, targetSuite, type TargetUnderTest } from "../../events/target.suite.ts";
import { Trail } from "../../events/trail.ts";
import { createMemoryState, createMemoryStore } from "../../store/memory/memory-store.ts";
import type { Context, Operation } from "../service.ts";
import { createSns } from "./index.ts";

const arn = "arn:aws:sns:us-east-1:000000000000:orders";
const Policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: sender.principal },
      Action: "SNS:Publish",
      Resource: arn,
      Condition: { ArnLike: { "aws:SourceArn": sender.sourceArn } },
    },
  ],
});

targetSuite("sns", async () => {
  const topics = started(createMemoryState());
  await topics.call("CreateTopic", { Name: "orders", Attributes: { Policy } });
  await topics.call("Subscribe", {
    TopicArn: arn,
    Protocol: "sqs",
    Endpoint: "arn:aws:sqs:us-east-1:000000000000:inbox",
    Attributes: { RawMessageDelivery: "true" },
  });
  return topics;
});

/** A topic is seen through its subscription: `inbox` is a queue that takes everything, once `arrived` opens the way. */
function started(state: ReturnType<typeof createMemoryState>) {
  const clock = createSimClock();
  const store = createMemoryStore(state);
  const inbox: string[] = [];
  const nobody = async () => Promise.reject(new Error("nothing is posted here"));
  const sns = createSns({
    clock,
    random: seededRandom(state.entries.length + 1),
    store,
    logger: silentLogger,
    metrics: createMetrics(),
    trail: new Trail(clock),
    deliver: async (_queue, { body }) => void inbox.push(Buffer.from(body).toString()),
    post: nobody,
    urls: { everywhere: () => "", functions: () => "" },
  });
  const ctx = {
    account: sender.account,
    region: sender.region,
    identity: { account: sender.account, signed: "header" },
  } as Context;
  const under: TargetUnderTest = {
    target: sns.target,
    arn,
    missingArn: "arn:aws:sns:us-east-1:000000000000:gone",
    async arrived() {
      sns.open();
      await clock.advance(0);
      return inbox;
    },
    async crashed() {
      void store.close();
      const next = started(state);
      await next.start();
      return next;
    },
  };
  return {
    ...under,
    start: async () => void (await sns.start?.()),
    call: (name: "CreateTopic" | "Subscribe", input: object) =>
      (sns.operations[name] as unknown as Operation<object, object>)(input, ctx),
  };
}
