/**
 * Writes `models/summary.json`: the counts and hashes by which a change of any model shows in a small diff, and which
 * the golden test compares. Run last: `node tools/model-summary.ts`.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ConstraintsJson, ServiceJson } from "../src/wire/model-json.ts";
import { serviceNames } from "../src/wire/model-load.ts";
import { formatModel, requiredCount } from "./extract-models.ts";

const folder = join(import.meta.dirname, "../models");

export interface ModelSummary {
  readonly operations: number;
  readonly shapes: number;
  readonly errors: number;
  readonly requiredMembers: number;
  readonly constrainedTypes: number;
  readonly modelSha256: string;
  readonly constraintsSha256: string;
}

export function readModelText(name: string): string {
  return readFileSync(join(folder, `${name}.json`), "utf8");
}

export function readConstraintsText(name: string): string {
  return readFileSync(join(folder, "constraints", `${name}.json`), "utf8");
}

/** Of the two files as text. */
export function summarize(modelText: string, constraintsText: string): ModelSummary {
  const model = JSON.parse(modelText) as ServiceJson;
  const constraints = JSON.parse(constraintsText) as ConstraintsJson;
  const shapes = Object.values(model.shapes);
  return {
    operations: Object.keys(model.operations).length,
    shapes: shapes.length,
    errors: shapes.filter(({ kind }) => kind === "error").length,
    requiredMembers: shapes.reduce((sum, shape) => sum + requiredCount(shape), 0),
    constrainedTypes: Object.keys(constraints.types).length,
    modelSha256: sha256(modelText),
    constraintsSha256: sha256(constraintsText),
  };
}

/** Of all services, by name. */
export function readSummary(): Readonly<Record<string, ModelSummary>> {
  return JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

if (import.meta.main) {
  const summaries = serviceNames.map(
    (name) => [name, summarize(readModelText(name), readConstraintsText(name))] as const,
  );
  writeFileSync(join(folder, "summary.json"), formatModel(Object.fromEntries(summaries)));
}
