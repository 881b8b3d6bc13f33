/** TestMetricFilter: which messages a pattern matches. The filters themselves come with metrics. */
import type { OperationsOf } from "../../service.ts";
import type { Client } from "../context.ts";
import { messageTest } from "../message-test.ts";

export const metricFilterOperations: Pick<OperationsOf<Client>, "TestMetricFilter"> = {
  async TestMetricFilter({ filterPattern, logEventMessages }) {
    const matches = messageTest(filterPattern, "metric filter pattern");
    return {
      matches: logEventMessages
        .map((eventMessage, at) => ({ eventNumber: at + 1, eventMessage, extractedValues: {} }))
        .filter(({ eventMessage }) => matches(eventMessage)),
    };
  },
};
