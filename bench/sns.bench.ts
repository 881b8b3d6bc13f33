/** SNS: on an idle platform, the time from Publish's answer to the handler that is subscribed. */
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { enteredAfterMs, nowMs } from "./entered.ts";
import type { Row } from "./row.ts";

export async function run(): Promise<Row[]> {
  const value = await enteredAfterMs({
    principal: "sns.amazonaws.com",
    number: "event.Records[0].Sns.Message",
    samples: 100,
    async connect(settings, Endpoint) {
      const sns = new SNSClient(settings);
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "bench" }));
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint }));
      return async (n) => {
        await sns.send(new PublishCommand({ TopicArn, Message: String(n) }));
        return nowMs();
      };
    },
  });
  const what = "SNS: Publish returned → handler entered, p50, idle";
  return [{ id: "", what, value, yardstick: Number.NaN, result: value, unit: "ms", goal: "≤ 10" }];
}
