/**
 * The laws of a source as tests, for any service that event source mappings read (`ports.ts`): who receives holds alone,
 * until the time that was said; what is acknowledged is gone for good, what is not comes again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SimClock } from "../base/clock-sim.ts";
import type { Received, Source } from "./ports.ts";

export interface SourceUnderTest {
  readonly source: Source;
  readonly clock: SimClock;
  readonly arn: string;
  readonly missingArn: string;
  put(...bodies: readonly string[]): Promise<void>;
  /** Another one on what a crash leaves, with the same clock. */
  crashed(): Promise<SourceUnderTest>;
}

export function sourceSuite(name: string, make: () => Promise<SourceUnderTest>): void {
  test(`${name}: what is received is held for the time that was said, then comes again under a new receipt`, async () => {
    const made = await make();
    await made.put("one");
    const [first] = await receive(made);
    assert.ok(first);
    assert.equal(bodyOf(first), "one");
    assert.ok(first.heldUntilMs > made.clock.now());
    assert.deepEqual(await receive(made), []);
    await made.clock.advance(first.heldUntilMs - made.clock.now());
    const [again] = await receive(made);
    assert.ok(again);
    assert.equal(bodyOf(again), "one");
    assert.notEqual(again.receipt, first.receipt);
  });

  test(`${name}: what is acknowledged is gone, also after a crash; what is not comes again`, async () => {
    const made = await make();
    await made.put("one", "two");
    const held = await receive(made);
    const done = held.filter((each) => bodyOf(each) === "one").map(({ receipt }) => receipt);
    await made.source.ack(made.arn, done);
    await made.source.ack(made.arn, done);
    const after = await made.crashed();
    await after.clock.advance(holdMsMax);
    assert.deepEqual((await receive(after)).map(bodyOf), ["two"]);
  });

  test(`${name}: a receipt that is no longer current acknowledges nothing`, async () => {
    const made = await make();
    await made.put("one");
    const [first] = await receive(made);
    await made.clock.advance(holdMsMax);
    assert.equal((await receive(made)).length, 1);
    await made.source.ack(made.arn, [first?.receipt ?? ""]);
    await made.clock.advance(holdMsMax);
    assert.equal((await receive(made)).length, 1);
  });

  test(`${name}: what is given back comes again after its delay`, async () => {
    const made = await make();
    await made.put("one");
    const held = await receive(made);
    await made.source.retry(
      made.arn,
      held.map(({ receipt }) => receipt),
      2000,
    );
    await made.clock.advance(1000);
    assert.deepEqual(await receive(made), []);
    await made.clock.advance(1000);
    assert.deepEqual((await receive(made)).map(bodyOf), ["one"]);
  });

  test(`${name}: a reader waits for the first, up to its time, and not when it is told to stop`, async () => {
    const made = await make();
    const woken = receive(made, { waitMs: 5000 });
    await made.clock.advance(100);
    await made.put("one");
    assert.deepEqual((await woken).map(bodyOf), ["one"]);

    const late = receive(made, { waitMs: 5000 });
    await made.clock.advance(5000);
    assert.deepEqual(await late, []);

    const stopping = new AbortController();
    const stopped = receive(made, { waitMs: 5000, signal: stopping.signal });
    stopping.abort();
    assert.deepEqual(await stopped, []);
  });

  test(`${name}: no more come than were asked for`, async () => {
    const made = await make();
    await made.put("one", "two", "three");
    assert.equal((await receive(made, { max: 2 })).length, 2);
    assert.equal((await receive(made, { max: 2 })).length, 1);
  });

  test(`${name}: a source that is not there is refused`, async () => {
    const { source, missingArn } = await make();
    const request = { max: 1, waitMs: 0, signal: new AbortController().signal };
    await assert.rejects(source.receive(missingArn, request));
  });
}

/** Longer than anything is held by default. */
const holdMsMax = 60_000;

function receive({ source, arn }: SourceUnderTest, more: object = {}): Promise<readonly Received[]> {
  const request = { max: 10, waitMs: 0, signal: new AbortController().signal, ...more };
  return source.receive(arn, request);
}

function bodyOf({ record }: Received): unknown {
  return record["body"];
}
