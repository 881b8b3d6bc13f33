/** A function keeps the laws of targets: what comes is an asynchronous event, durable in the queue. */
import { simLambda } from "../../../test/harness/lambda-sim.ts";
import { sender, targetSuite, type TargetUnderTest } from "../../events/target.suite.ts";
import { createMemoryState } from "../../store/memory/memory-store.ts";

const FunctionName = "echo";

targetSuite("lambda", async () => {
  const state = createMemoryState();
  const first = await started(state, 1);
  await first.sim.create(FunctionName);
  await first.sim.call("AddPermission", {
    FunctionName,
    StatementId: "s3",
    Action: "lambda:InvokeFunction",
    Principal: sender.principal,
    SourceArn: sender.sourceArn,
  });
  return first;
});

async function started(state: ReturnType<typeof createMemoryState>, seed: number) {
  const sim = simLambda(state, seed);
  await sim.start();
  const under: TargetUnderTest = {
    target: sim.lambda.target,
    arn: `arn:aws:lambda:eu-west-1:000000000000:function:${FunctionName}`,
    missingArn: "arn:aws:lambda:eu-west-1:000000000000:function:gone",
    async arrived() {
      await sim.settle();
      return sim.world.orders.map(({ request }) => Buffer.from(request.payload).toString());
    },
    async crashed() {
      void sim.store.close();
      return started(state, seed + 1);
    },
  };
  return { ...under, sim };
}
