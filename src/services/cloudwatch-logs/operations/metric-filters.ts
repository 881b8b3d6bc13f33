/** TestMetricFilter: which messages a pattern matches. The filters themselves come with metrics. */
import type { OperationsOf } from "../../service.ts";
import type { Client } from "../context.ts";
import { invalidParameter } from "../errors.ts";
import { compileFilterPattern } from "../filter-pattern.ts";
import { FilterSyntaxError } from "../filter-value.ts";

export const metricFilterOperations: Pick<OperationsOf<Client>, "TestMetricFilter"> = {
  async TestMetricFilter({ filterPattern, logEventMessages }) {
    const matches = testFor(filterPattern);
    return {
      matches: logEventMessages
        .map((eventMessage, at) => ({ eventNumber: at + 1, eventMessage, extractedValues: {} }))
        .filter(({ eventMessage }) => matches(eventMessage)),
    };
  },
};

function testFor(pattern: string): (message: string) => boolean {
  try {
    return compileFilterPattern(pattern);
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw invalidParameter("Invalid metric filter pattern");
    throw error;
  }
}
