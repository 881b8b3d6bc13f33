/**
 * Schedule expressions: `rate(…)`, `cron(…)`, `at(…)`, and when they are due. For EventBridge's rules (in UTC) and
 * EventBridge Scheduler (in a time zone). Pure. Source: map-events-observability 1.4 and 2.
 *
 * A cron expression is evaluated on the wall clock of its zone: a time that daylight saving skips is skipped, one that it
 * repeats is due once, at the first. A rate is elapsed time: `days` are 24 hours each.
 */
import { scheduleYearMax, scheduleYearMin } from "../limits.ts";
import { instantsOf, instantsOfDay, wallTimeOf } from "./time-zone.ts";

export type Schedule =
  | { readonly kind: "rate"; readonly everyMs: number }
  | { readonly kind: "at"; readonly wallMs: number }
  | { readonly kind: "cron"; readonly cron: Cron };

/** Undefined: the expression is not valid. `rules`: EventBridge's are stricter with units, and have no `at`. */
export function parseSchedule(expression: string, dialect: "rules" | "scheduler"): Schedule | undefined {
  const match = /^(rate|cron|at)\((.*)\)$/.exec(expression);
  const [, kind, inner = ""] = match ?? [];
  if (kind === "rate") return parseRate(inner, dialect === "rules");
  if (kind === "cron") return parseCron(inner, dialect === "scheduler");
  return kind === "at" && dialect === "scheduler" ? parseAt(inner) : undefined;
}

export interface Period {
  /** When the schedule was made, or its start date: the first multiple of a rate. Epoch ms. */
  readonly fromMs: number;
  /** "Europe/Zurich"; must exist. */
  readonly zone: string;
}

/** The first time that is later than `afterMs`; undefined: never again. Epoch ms. */
export function nextDue(schedule: Schedule, { fromMs, zone }: Period, afterMs: number): number | undefined {
  switch (schedule.kind) {
    case "rate": {
      const periods = Math.floor((afterMs - fromMs) / schedule.everyMs) + 1;
      return fromMs + Math.max(0, periods) * schedule.everyMs;
    }
    case "at": {
      const atMs = instantsOf(schedule.wallMs, zone)[0];
      return atMs !== undefined && atMs > afterMs ? atMs : undefined;
    }
    case "cron":
      return nextOfCron(schedule.cron, zone, afterMs);
  }
}

const unitMs = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

function parseRate(inner: string, isStrict: boolean): Schedule | undefined {
  const match = /^([1-9]\d{0,8}) (minute|hour|day)(s?)$/.exec(inner);
  if (!match) return undefined;
  const [, count = "", unit, plural] = match;
  if (isStrict && (count === "1") !== (plural === "")) return undefined;
  return { kind: "rate", everyMs: Number(count) * unitMs[unit as keyof typeof unitMs] };
}

function parseAt(inner: string): Schedule | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(inner)) return undefined;
  const wallMs = Date.parse(`${inner}Z`);
  const isReal = !Number.isNaN(wallMs) && new Date(wallMs).toISOString().startsWith(inner);
  return isReal ? { kind: "at", wallMs } : undefined;
}

// cron(minutes hours day-of-month month day-of-week year)

interface Cron {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** Undefined: every one. */
  readonly years: ReadonlySet<number> | undefined;
  /** Whether a day is one of the schedule's; each term alone is enough. */
  readonly days: readonly DayTest[];
}

type DayTest = (day: Day) => boolean;

interface Day {
  readonly ofMonth: number;
  /** 0 is Sunday. */
  readonly ofWeek: number;
  readonly monthDays: number;
}

interface FieldRule {
  readonly min: number;
  readonly max: number;
  /** Names of values, the first is `min`. */
  readonly names?: readonly string[];
}

const months = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdays = "SUN MON TUE WED THU FRI SAT".split(" ");
const dayOfMonth: FieldRule = { min: 1, max: 31 };
const dayOfWeek: FieldRule = { min: 1, max: 7, names: weekdays };

function parseCron(inner: string, mayLackYear: boolean): Schedule | undefined {
  const fields = inner.split(/\s+/);
  if (mayLackYear && fields.length === 5) fields.push("*");
  const [minute = "", hour = "", monthDay = "", month = "", weekDay = "", year = ""] = fields;
  if (fields.length !== 6) return undefined;
  // One of the two says which days, the other has to say nothing.
  if ((monthDay === "?") === (weekDay === "?")) return undefined;
  const minutes = valuesOf(minute, { min: 0, max: 59 });
  const hours = valuesOf(hour, { min: 0, max: 23 });
  const monthsOf = valuesOf(month, { min: 1, max: 12, names: months });
  const years = valuesOf(year, { min: scheduleYearMin, max: scheduleYearMax });
  const days = weekDay === "?" ? daysOfMonth(monthDay) : daysOfWeek(weekDay);
  if (!minutes || !hours || !monthsOf || !years || !days) return undefined;
  const cron = { minutes, hours, months: monthsOf, years: year === "*" ? undefined : years, days };
  return { kind: "cron", cron };
}

/** `1,3-5,10/15,*`: ranges may wrap around. Undefined: not valid. */
function valuesOf(text: string, rule: FieldRule): ReadonlySet<number> | undefined {
  const values = new Set<number>();
  for (const term of text.split(",")) {
    const match = /^(\*|[A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?(?:\/(\d{1,4}))?$/.exec(term);
    if (!match) return undefined;
    const [, first = "", last, stepText] = match;
    if (first === "*" && last !== undefined) return undefined;
    const from = first === "*" ? rule.min : valueOf(first, rule);
    const isOpen = last === undefined && (first === "*" || stepText !== undefined);
    const end = last === undefined ? from : valueOf(last, rule);
    const to = isOpen ? rule.max : end;
    const step = stepText === undefined ? 1 : Number(stepText);
    if (from === undefined || to === undefined || step < 1) return undefined;
    const count = rule.max - rule.min + 1;
    const length = to >= from ? to - from : to - from + count;
    for (let at = 0; at <= length; at += step) values.add(((from - rule.min + at) % count) + rule.min);
  }
  return values;
}

function valueOf(text: string, { min, max, names = [] }: FieldRule): number | undefined {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return named + min;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function daysOfMonth(text: string): readonly DayTest[] | undefined {
  const tests: DayTest[] = [];
  for (const term of text.split(",")) {
    const test = dayOfMonthTest(term.toUpperCase());
    if (!test) return undefined;
    tests.push(test);
  }
  return tests;
}

/** `L`, `L-3`, `LW`, `15W`, or values. */
function dayOfMonthTest(term: string): DayTest | undefined {
  const last = /^L(?:-(\d{1,2}))?$/.exec(term);
  if (last) {
    const before = Number(last[1] ?? 0);
    return before > 30 ? undefined : ({ ofMonth, monthDays }) => ofMonth === monthDays - before;
  }
  if (term === "LW") return (day) => day.ofMonth === nearestWeekday(day, day.monthDays);
  const nearest = /^(\d{1,2})W$/.exec(term);
  if (nearest) {
    const wanted = valueOf(nearest[1] ?? "", dayOfMonth);
    if (wanted === undefined) return undefined;
    return (day) => wanted <= day.monthDays && day.ofMonth === nearestWeekday(day, wanted);
  }
  const values = valuesOf(term, dayOfMonth);
  return values && (({ ofMonth }) => values.has(ofMonth));
}

/** Monday to Friday, in the same month. */
function nearestWeekday({ ofMonth, ofWeek, monthDays }: Day, wanted: number): number {
  const weekday = (((ofWeek + wanted - ofMonth) % 7) + 7) % 7;
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (weekday === 0) return wanted === monthDays ? wanted - 2 : wanted + 1;
  return wanted;
}

function daysOfWeek(text: string): readonly DayTest[] | undefined {
  const terms = text.split(",");
  const tests: DayTest[] = [];
  for (const term of terms) {
    const test = dayOfWeekTest(term.toUpperCase());
    if (!test || (term.includes("#") && terms.length > 1)) return undefined;
    tests.push(test);
  }
  return tests;
}

/** `L`, `6L`, `6#3`, or values; 1 is Sunday. */
function dayOfWeekTest(term: string): DayTest | undefined {
  if (term === "L") return ({ ofWeek }) => ofWeek === 6;
  const last = /^([A-Z0-9]+)L$/.exec(term);
  if (last) {
    const wanted = valueOf(last[1] ?? "", dayOfWeek);
    if (wanted === undefined) return undefined;
    return ({ ofWeek, ofMonth, monthDays }) => ofWeek === wanted - 1 && ofMonth > monthDays - 7;
  }
  const nth = /^([A-Z0-9]+)#([1-5])$/.exec(term);
  if (nth) {
    const wanted = valueOf(nth[1] ?? "", dayOfWeek);
    if (wanted === undefined) return undefined;
    return ({ ofWeek, ofMonth }) => ofWeek === wanted - 1 && Math.ceil(ofMonth / 7) === Number(nth[2]);
  }
  const values = valuesOf(term, dayOfWeek);
  return values && (({ ofWeek }) => values.has(ofWeek + 1));
}

/** Goes through the days on the wall clock, then through the times of the day. */
function nextOfCron(cron: Cron, zone: string, afterMs: number): number | undefined {
  // The wall clock may be set back: the day before must be looked at, too.
  const start = new Date(wallTimeOf(afterMs, zone) - unitMs.day);
  const yearMax = Math.min(
    scheduleYearMax,
    cron.years ? Math.max(...cron.years) : start.getUTCFullYear() + dayCycleYears,
  );
  for (let year = start.getUTCFullYear(); year <= yearMax; year += 1) {
    if (cron.years && !cron.years.has(year)) continue;
    for (let month = 0; month < 12; month += 1) {
      if (!cron.months.has(month + 1) || Date.UTC(year, month + 1, 1) <= start.getTime()) continue;
      const found = nextInMonth(cron, zone, afterMs, { year, month, startMs: start.getTime() });
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Any day of the calendar comes again within as many years, 29 February on a Sunday included. */
const dayCycleYears = 41;

function nextInMonth(
  cron: Cron,
  zone: string,
  afterMs: number,
  { year, month, startMs }: { readonly year: number; readonly month: number; readonly startMs: number },
): number | undefined {
  const monthDays = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  for (let ofMonth = 1; ofMonth <= monthDays; ofMonth += 1) {
    const dayMs = Date.UTC(year, month, ofMonth);
    if (dayMs + unitMs.day <= startMs) continue;
    const day = { ofMonth, ofWeek: new Date(dayMs).getUTCDay(), monthDays };
    if (!cron.days.some((test) => test(day))) continue;
    const instants = instantsOfDay(dayMs, zone);
    const dues = timesOfDay(cron).flatMap((timeMs) => instants(dayMs + timeMs).slice(0, 1));
    // Where the clock is set back, order on the wall is not order in time.
    const later = dues.filter((dueMs) => dueMs > afterMs);
    if (later.length > 0) return later.reduce((least, dueMs) => Math.min(least, dueMs));
  }
  return undefined;
}

function timesOfDay({ hours, minutes }: Cron): number[] {
  return [...hours].flatMap((hour) =>
    [...minutes].map((minute) => hour * unitMs.hour + minute * unitMs.minute),
  );
}

/** The last time up to `untilMs`; undefined: never so far. Looks back further and further. */
export function lastDue(schedule: Schedule, period: Period, untilMs: number): number | undefined {
  if (schedule.kind === "rate") {
    const periods = Math.floor((untilMs - period.fromMs) / schedule.everyMs);
    return periods < 0 ? undefined : period.fromMs + periods * schedule.everyMs;
  }
  for (const days of [0.1, 2, 40, 400, 400 * dayCycleYears]) {
    let last: number | undefined;
    let next = nextDue(schedule, period, untilMs - days * unitMs.day);
    while (next !== undefined && next <= untilMs) {
      last = next;
      next = nextDue(schedule, period, next);
    }
    if (last !== undefined) return last;
  }
  return undefined;
}
