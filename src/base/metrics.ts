/**
 * Counters and gauges of lambdad itself, read at `/_lambdad/metrics` in Prometheus's text form. Names are
 * `lambdad_<noun>_<unit or total>`. What a function's owner sees (CloudWatch metrics) is elsewhere.
 */

export interface Counter {
  add(amount?: number): void;
  readonly value: number;
}

/** One counter for each value of a label. Who asks for them removes them: nothing else bounds their number. */
export interface LabelledCounter {
  of(labelValue: string): Counter;
  remove(labelValue: string): void;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  /** Once for each name. */
  labelledCounter(name: string, help: string, label: string): LabelledCounter;
  /** `read` is called at each scrape. */
  gauge(name: string, help: string, read: () => number): void;
  render(): string;
}

export function createMetrics(): Metrics {
  const rows = new Map<string, Row>();
  return {
    counter(name, help) {
      const known = rows.get(name)?.counter;
      if (known) return known;
      const counter = createCounter();
      rows.set(name, { help, kind: "counter", samples: () => [["", counter.value]], counter });
      return counter;
    },
    labelledCounter(name, help, label) {
      const counters = new Map<string, Counter>();
      const samples = () =>
        [...counters].map(
          ([value, counter]) => [`{${label}=${JSON.stringify(value)}}`, counter.value] as const,
        );
      rows.set(name, { help, kind: "counter", samples });
      return {
        of(value) {
          const counter = counters.get(value) ?? createCounter();
          counters.set(value, counter);
          return counter;
        },
        remove(value) {
          counters.delete(value);
        },
      };
    },
    gauge(name, help, read) {
      rows.set(name, { help, kind: "gauge", samples: () => [["", read()]] });
    },
    render() {
      let text = "";
      for (const [name, { help, kind, samples }] of rows) {
        text += `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
        for (const [labels, value] of samples()) text += `${name}${labels} ${value}\n`;
      }
      return text;
    },
  };
}

interface Row {
  readonly help: string;
  readonly kind: "counter" | "gauge";
  readonly samples: () => readonly (readonly [labels: string, value: number])[];
  readonly counter?: Counter;
}

function createCounter(): Counter {
  let total = 0;
  return {
    add(amount = 1) {
      total += amount;
    },
    get value() {
      return total;
    },
  };
}
