/**
 * The laws of a target as tests, for any service that takes events of others (`ports.ts`): what it accepts is durable,
 * what it refuses leaves nothing, and it lets in only whom the addressee's resource policy names.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsError } from "../wire/aws-error.ts";
import type { DeliveryContext, Target } from "./ports.ts";

export interface TargetUnderTest {
  readonly target: Target;
  /** Its resource policy lets `sender` in, and no other service. */
  readonly arn: string;
  /** Well formed, and nobody's. */
  readonly missingArn: string;
  /** Who is not let in, where that is not decided by the names of services. */
  readonly strangers?: readonly DeliveryContext[];
  /** What came to `arn`, in whatever order: the events as JSON texts. */
  arrived(): Promise<readonly string[]>;
  /** Another one on what a crash leaves. */
  crashed(): Promise<TargetUnderTest>;
}

/** Whom the policy of `TargetUnderTest.arn` has to let in, and what it sends for. */
export const sender: DeliveryContext = {
  account: "000000000000",
  region: "us-east-1",
  principal: "s3.amazonaws.com",
  sourceArn: "arn:aws:s3:::uploads",
  traceHeader: "Root=1-00000000-000000000000000000000000",
};

export function targetSuite(name: string, make: () => Promise<TargetUnderTest>): void {
  test(`${name}: E1 what was delivered is there, also after a crash at once`, async () => {
    const made = await make();
    await made.target.deliver(made.arn, event(1), sender);
    const after = await made.crashed();
    assert.deepEqual(await after.arrived(), ['{"n":1}']);
  });

  test(`${name}: the same event may come twice, and many at once`, async () => {
    const made = await make();
    const { target, arn } = made;
    const numbers = [1, 1, 2, 3, 4, 5, 6, 7];
    await Promise.all(numbers.map((number) => target.deliver(arn, event(number), sender)));
    const expected = numbers.map((number) => `{"n":${number}}`);
    assert.deepEqual((await made.arrived()).toSorted(), expected);
  });

  test(`${name}: an addressee that is not there, or is none, is an AWS error`, async () => {
    const made = await make();
    const { target, missingArn } = made;
    for (const arn of [missingArn, `${missingArn}:::`, missingArn.split(":").slice(0, 5).join(":")]) {
      await assert.rejects(target.deliver(arn, event(1), sender), isClientError, arn);
    }
    assert.deepEqual(await made.arrived(), []);
  });

  test(`${name}: a service that the resource policy does not name is refused, and nothing is left`, async () => {
    const made = await make();
    const { target, arn } = made;
    const others = [
      { ...sender, principal: "sns.amazonaws.com" },
      { ...sender, sourceArn: "arn:aws:s3:::elsewhere" },
    ];
    for (const stranger of made.strangers ?? others) {
      await assert.rejects(target.deliver(arn, event(1), stranger), isClientError);
    }
    assert.deepEqual(await made.arrived(), []);
  });

  test(`${name}: a service that acts by a role needs no permission of the addressee`, async () => {
    const made = await make();
    const { target, arn } = made;
    for (const principal of ["lambda.amazonaws.com", "scheduler.amazonaws.com"]) {
      await target.deliver(arn, event(1), { ...sender, principal });
    }
    assert.deepEqual(await made.arrived(), ['{"n":1}', '{"n":1}']);
  });
}

function event(number: number) {
  return { body: Buffer.from(JSON.stringify({ n: number })), envelope };
}

const envelope = { source: "aws.s3", detailType: "Object Created", resources: [sender.sourceArn] };

function isClientError(error: unknown): boolean {
  return error instanceof AwsError && error.fault === "client";
}
