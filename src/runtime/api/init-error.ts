/**
 * `POST /runtime/init/error` and `/runtime/restore/error`: the runtime could not initialise, or its hooks after a restore
 * failed. It is expected to exit; it is torn down in any case.
 */
import { readErrorReport } from "../error-report.ts";
import { accepted, refused, tooLarge, truncated } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";

export const initError = failure("init-error");
export const restoreError = failure("restore-error");

function failure(call: "init-error" | "restore-error"): Endpoint {
  return ({ request, exchange, port }) => {
    const { body, headers } = request;
    if (body.kind === "too-large") return exchange.answer(tooLarge);
    if (body.kind !== "whole") return exchange.answer(truncated);
    const refusal = port.failStart(call, readErrorReport(headers, body.bytes));
    exchange.answer(refusal ? refused(refusal) : accepted);
  };
}
