/** Archives, what lies in them, and replays, as the store keeps them. */
import type { BusName, Place } from "./names.ts";

export interface ArchiveRecord extends Place {
  readonly name: string;
  /** Hex; another archive of the same name has another. Where its events lie. */
  readonly id: string;
  readonly bus: string;
  readonly description?: string;
  readonly pattern?: string;
  /** Undefined: for ever. */
  readonly retentionDays?: number;
  readonly createdAtMs: number;
}

export interface ArchiveSize {
  readonly count: number;
  readonly bytes: number;
}

/** An event in an archive. */
export interface Archived {
  /** Of the event itself. */
  readonly timeMs: number;
  /** Of the event. */
  readonly id: string;
  /** As it was accepted. */
  readonly text: string;
}

export type ReplayState = "STARTING" | "RUNNING" | "CANCELLING" | "COMPLETED" | "CANCELLED" | "FAILED";

export interface ReplayRecord extends Place {
  readonly name: string;
  readonly state: ReplayState;
  readonly stateReason?: string;
  readonly description?: string;
  readonly archive: string;
  readonly archiveId: string;
  readonly bus: BusName;
  /** Rules that get the events; empty: all. */
  readonly ruleArns: readonly string[];
  /** Events with times in [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  /** The last event that was sent. */
  readonly lastTimeMs?: number;
  readonly lastId?: string;
}

export function isActive({ state }: ReplayRecord): boolean {
  return state === "STARTING" || state === "RUNNING" || state === "CANCELLING";
}

/** The pattern of an archive's rule: what comes out of an archive does not go into one. */
export function archivePattern(pattern: string | undefined): string {
  const own = pattern === undefined ? {} : (JSON.parse(pattern) as object);
  return JSON.stringify({ ...own, "replay-name": [{ exists: false }] });
}

export function archiveRuleName(archive: string): string {
  return `Events-Archive-${archive}`;
}
