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
