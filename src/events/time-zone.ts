/**
 * Between instants and the wall clock of a time zone, by the zone tables that Node has. Pure. A *wall time* is what a
 * clock there shows, as if it were UTC, in epoch ms.
 */
const formats = new Map<string, Intl.DateTimeFormat>();

export function isTimeZone(zone: string): boolean {
  try {
    // Offsets ("+01:00") are zones to Node, not to AWS.
    return /^[A-Za-z]/.test(zone) && formatOf(zone) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export function wallTimeOf(instantMs: number, zone: string): number {
  if (zone === "UTC") return instantMs;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instantMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((instantMs % 1000) + 1000) % 1000);
}

/** When clocks there show this, earliest first: once, twice where the clock is set back, never where it is set forward. */
export function instantsOf(wallMs: number, zone: string): readonly number[] {
  if (zone === "UTC") return [wallMs];
  // No two changes of a zone's offset are within two days of each other.
  const offsets = [wallMs - dayMs, wallMs + dayMs].map((near) => wallTimeOf(near, zone) - near);
  const candidates = new Set(offsets.map((offsetMs) => wallMs - offsetMs));
  return [...candidates].filter((atMs) => wallTimeOf(atMs, zone) === wallMs).toSorted((a, b) => a - b);
}

/** `instantsOf` for the times of one day, which begins at this wall time: most days the offset is the same all day. */
export function instantsOfDay(startMs: number, zone: string): (wallMs: number) => readonly number[] {
  const before = startMs - dayMs;
  const after = startMs + 2 * dayMs;
  const offsetMs = wallTimeOf(before, zone) - before;
  if (offsetMs !== wallTimeOf(after, zone) - after) return (wallMs) => instantsOf(wallMs, zone);
  return (wallMs) => [wallMs - offsetMs];
}

const dayMs = 86_400_000;

/** Making one costs much. There are some 600 zones. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    ...{ year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric" },
  });
  formats.set(zone, format);
  return format;
}
