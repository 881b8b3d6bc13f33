/** `POST /runtime/init/error`: the runtime could not initialise. It is expected to exit; it is torn down in any case. */
import { readErrorReport } from "../error-report.ts";
import { accepted, refused, tooLarge, truncated } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";

export const initError: Endpoint = ({ request, exchange, port }) => {
  const { body, headers } = request;
  if (body.kind === "too-large") return exchange.answer(tooLarge);
  if (body.kind !== "whole") return exchange.answer(truncated);
  const refusal = port.failInit(readErrorReport(headers, body.bytes));
  exchange.answer(refusal ? refused(refusal) : accepted);
};
