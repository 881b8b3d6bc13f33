/** Metrics in Prometheus's text form. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "./metrics.ts";

test("counters add up, gauges are read at each scrape, and a name is one counter", () => {
  const metrics = createMetrics();
  let size = 1;
  metrics.counter("lambdad_things_total", "Things").add();
  metrics.counter("lambdad_things_total", "Things").add(2);
  metrics.gauge("lambdad_size", "Size", () => size);
  size = 5;
  assert.equal(
    metrics.render(),
    "# HELP lambdad_things_total Things\n# TYPE lambdad_things_total counter\nlambdad_things_total 3\n" +
      "# HELP lambdad_size Size\n# TYPE lambdad_size gauge\nlambdad_size 5\n",
  );
});

test("a labelled counter is one for each value, until that is removed", () => {
  const metrics = createMetrics();
  const things = metrics.labelledCounter("lambdad_things_total", "Things", "kind");
  const head = "# HELP lambdad_things_total Things\n# TYPE lambdad_things_total counter\n";
  assert.equal(metrics.render(), head);
  things.of("a").add(2);
  things.of('"b"\n').add();
  things.of("a").add();
  assert.equal(
    metrics.render(),
    `${head}lambdad_things_total{kind="a"} 3\nlambdad_things_total{kind="\\"b\\"\\n"} 1\n`,
  );
  const removed = things.of("a");
  things.remove("a");
  removed.add();
  assert.equal(metrics.render(), `${head}lambdad_things_total{kind="\\"b\\"\\n"} 1\n`);
  assert.equal(things.of("a").value, 0);
});
