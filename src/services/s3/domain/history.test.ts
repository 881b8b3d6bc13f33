import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSimClock } from "../../../base/clock-sim.ts";
import { seededRandom } from "../../../base/random.ts";
import {
  type Change,
  marker,
  newId,
  type Versioning,
  withoutLatest,
  withoutOlder,
  withVersion,
} from "./history.ts";
import type { KeyRecord, ObjectVersion, Version } from "./object.ts";
import { nullId, sequencerOf, tokenOfId, VersionTokens } from "./version-token.ts";

function objectVersion(id: string, token: string): ObjectVersion {
  const checksum = { algorithm: "CRC32" as const, value: "", type: "FULL_OBJECT" as const };
  const rest = { headers: {}, metadata: {}, tags: {}, lock: {}, storageClass: "STANDARD" };
  const body = { kind: "file" as const, file: token };
  return { kind: "object", id, token, modifiedAtMs: 0, body, sizeBytes: 1, etag: token, checksum, ...rest };
}

/** The records of one key as the store would have them, changed by what the domain says. */
class Key {
  record: KeyRecord | undefined;
  readonly older = new Map<string, Version>();
  readonly gone: string[] = [];

  apply({ record, aged, dropped, gone }: Change): void {
    if (aged) this.older.set(aged.token, aged);
    for (const token of dropped) assert(this.older.delete(token), "what is dropped was there");
    this.gone.push(...gone.map(({ token }) => token));
    this.record = record;
  }

  /** Newest first. */
  get versions(): readonly Version[] {
    const older = [...this.older.values()].sort((a, b) => (a.token < b.token ? -1 : 1));
    return this.record ? [this.record.latest, ...older] : [];
  }
}

type Step =
  | { readonly do: "put" | "delete" }
  | { readonly do: "remove"; readonly at: number }
  | { readonly do: "set"; readonly versioning: Versioning };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom("put" as const, "delete" as const) }),
    fc.record({ do: fc.constant("remove" as const), at: fc.nat(5) }),
    fc.record({
      do: fc.constant("set" as const),
      versioning: fc.constantFrom("Enabled" as const, "Suspended" as const),
    }),
  ),
  { maxLength: 30 },
);

test("versions, markers and the null version are what a list of them would be", () => {
  fc.assert(
    fc.property(steps, (given: Step[]) => {
      const clock = createSimClock();
      const tokens = new VersionTokens({ clock, random: seededRandom(1) });
      const key = new Key();
      /** Newest first: the specification, as short as it can be. */
      let model: Version[] = [];
      let versioning: Versioning;
      for (const step of given) {
        if (step.do === "set") {
          versioning = step.versioning;
          continue;
        }
        const token = tokens.next(key.record?.latest.token);
        if (step.do === "remove") {
          const target = model[step.at];
          if (!target || !key.record) continue;
          const next = key.versions[1];
          key.apply(step.at === 0 ? withoutLatest(key.record, next) : withoutOlder(key.record, target));
          model = model.filter((each) => each !== target);
        } else if (step.do === "delete" && versioning === undefined) {
          if (!key.record) continue;
          key.apply(withoutLatest(key.record, undefined));
          model = [];
        } else {
          const id = newId(versioning, () => tokens.idFor(token));
          const version = step.do === "put" ? objectVersion(id, token) : marker(id, token, 0);
          const oldNull = key.older.get(key.record?.nullToken ?? "");
          key.apply(withVersion(key.record, version, id === nullId ? oldNull : undefined));
          model = [version, ...model.filter((each) => id !== nullId || each.id !== nullId)];
        }
        assert.deepEqual(key.versions, model);
        assert.equal(key.record?.olderCount ?? 0, Math.max(0, model.length - 1));
        const nullAt = model.slice(1).find((each) => each.id === nullId)?.token;
        assert.equal(key.record?.nullToken, nullAt);
      }
      const kept = new Set(model.map((each) => each.token));
      assert(
        key.gone.every((token) => !kept.has(token)),
        "nothing that is kept loses its bytes",
      );
      assert.equal(new Set(key.gone).size, key.gone.length, "nothing goes twice");
    }),
  );
});

test("tokens fall, whatever the clock does, and sequencers rise", async () => {
  const clock = createSimClock();
  const tokens = new VersionTokens({ clock, random: seededRandom(1) });
  let previous = tokens.next();
  for (let n = 0; n < 100; n += 1) {
    if (n % 10 === 0) await clock.advance(1);
    const next = tokens.next(n % 7 === 0 ? previous : undefined);
    assert(next < previous);
    assert(sequencerOf(next) > sequencerOf(previous));
    assert.equal(tokenOfId(tokens.idFor(next)), next);
    previous = next;
  }
  assert.equal(tokens.next("0000000000000005"), "0000000000000004");
  assert.equal(tokenOfId("null"), undefined);
});
