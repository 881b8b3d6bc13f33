/**
 * Reads every object again, slowly, and compares it with its checksum: bytes that a disk has lost are found before somebody
 * asks for them. What is damaged is named in the log and counted; nothing is changed, for nobody else has the bytes.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Metrics } from "../../base/metrics.ts";
import { scrubBytesPerSecond } from "../../limits.ts";
import { checksumOfParts, runningChecksum } from "./domain/checksum.ts";
import type { LaidPart, Layout, ObjectVersion, Version } from "./domain/object.ts";
import type { ObjectFiles } from "./files.ts";
import type { S3Store } from "./store.ts";

export interface ScrubDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly store: S3Store;
  readonly files: ObjectFiles;
}

export class Scrub {
  readonly #deps: ScrubDeps;
  readonly #damaged;

  constructor(deps: ScrubDeps) {
    this.#deps = deps;
    this.#damaged = deps.metrics.counter("lambdad_s3_damaged_total", "Objects found damaged on the disk.");
  }

  /** One look at everything. Answers how many objects are damaged. */
  async pass(signal: AbortSignal): Promise<number> {
    const { store } = this.#deps;
    let damaged = 0;
    for await (const { value: bucket } of store.buckets.each({ parts: [] })) {
      for await (const { parts, value } of store.objects.each({ parts: [bucket.id] })) {
        const key = parts[1] ?? "";
        if (signal.aborted) return damaged;
        if (await this.#isDamaged(bucket.name, key, value.latest, signal)) damaged += 1;
        if (value.olderCount === 0) continue;
        for await (const { value: older } of store.versions.each({ parts: [bucket.id, key] })) {
          if (await this.#isDamaged(bucket.name, key, older, signal)) damaged += 1;
        }
      }
    }
    return damaged;
  }

  async #isDamaged(bucket: string, key: string, version: Version, signal: AbortSignal): Promise<boolean> {
    if (version.kind === "marker" || version.sizeBytes === 0) return false;
    const { clock, logger, store } = this.#deps;
    const calculated = await this.#checksumOf(version, await store.layout(version)).catch(
      (error: unknown) => `unreadable: ${error instanceof Error ? error.message : String(error)}`,
    );
    await clock.sleep((version.sizeBytes / scrubBytesPerSecond) * 1000, signal).catch(() => {});
    if (calculated === version.checksum.value || !(await this.#isStillThere(bucket, key, version)))
      return false;
    this.#damaged.add();
    logger.error("an object is damaged on the disk", { bucket, key, versionId: version.id });
    return true;
  }

  async #checksumOf(version: ObjectVersion, layout: Layout | undefined): Promise<string> {
    const { checksum, sizeBytes } = version;
    if (checksum.type === "COMPOSITE" && layout) {
      const parts = [];
      let start = 0;
      for (const part of layout.parts) {
        parts.push({ sizeBytes: part.sizeBytes, checksum: await this.#summed(version, layout, part, start) });
        start += part.sizeBytes;
      }
      return checksumOfParts(checksum.algorithm, checksum.type, parts).value;
    }
    return this.#summed(version, layout, { sizeBytes }, 0);
  }

  async #summed(
    { body, checksum }: ObjectVersion,
    layout: Layout | undefined,
    { sizeBytes }: Pick<LaidPart, "sizeBytes">,
    start: number,
  ): Promise<string> {
    const running = runningChecksum(checksum.algorithm);
    const slice = { start, length: sizeBytes };
    for await (const bytes of this.#deps.files.readBody(body, layout, slice)) running.update(bytes);
    return Buffer.from(running.digest()).toString("base64");
  }

  /** It may have been deleted while it was read. */
  async #isStillThere(bucketName: string, key: string, { id, token }: ObjectVersion): Promise<boolean> {
    const { store } = this.#deps;
    const bucket = (await store.buckets.get([bucketName]))?.value;
    const record = bucket && (await store.objects.get([bucket.id, key]))?.value;
    const version = bucket && record && (await store.version(bucket.id, key, record, id));
    return version?.token === token;
  }
}
