/**
 * Counters and gauges of lambdad itself, read at `/_lambdad/metrics` in Prometheus's text form. Names are
 * `lambdad_<noun>_<unit or total>`. What a function's owner sees (CloudWatch metrics) is elsewhere.
 */

export interface Counter {
  add(amount?: number): void;
  readonly value: number;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  /** `read` is called at each scrape. */
  gauge(name: string, help: string, read: () => number): void;
  render(): string;
}

export function createMetrics(): Metrics {
  const rows = new Map<
    string,
    { help: string; kind: "counter" | "gauge"; read: () => number; counter?: Counter }
  >();
  return {
    counter(name, help) {
      const known = rows.get(name)?.counter;
      if (known) return known;
      let total = 0;
      const counter: Counter = {
        add(amount = 1) {
          total += amount;
        },
        get value() {
          return total;
        },
      };
      rows.set(name, { help, kind: "counter", read: () => total, counter });
      return counter;
    },
    gauge(name, help, read) {
      rows.set(name, { help, kind: "gauge", read });
    },
    render() {
      let text = "";
      for (const [name, row] of rows) {
        text += `# HELP ${name} ${row.help}\n# TYPE ${name} ${row.kind}\n${name} ${row.read()}\n`;
      }
      return text;
    },
  };
}
