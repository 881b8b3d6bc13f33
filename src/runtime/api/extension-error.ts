/**
 * `POST /extension/init/error` and `/extension/exit/error`: an extension cannot go on. It is expected to exit; the
 * environment is reset in any case.
 */
import { refused as refusal } from "../extensions.ts";
import { accepted, refused, tooLarge } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { identify } from "./extension-identity.ts";

export const initError: Endpoint = failing("init-error");
export const exitError: Endpoint = failing("exit-error");

const errorTypeLengthMax = 256;

function failing(call: "init-error" | "exit-error"): Endpoint {
  return ({ request, exchange, port }) => {
    const { headers, body } = request;
    if (body.kind === "too-large") return exchange.answer(tooLarge);
    const caller = identify(headers, port.extensions);
    if (caller.kind === "refused") return exchange.answer(refused(caller));
    const errorType = headers.get("lambda-extension-function-error-type")?.slice(0, errorTypeLengthMax);
    if (!errorType) {
      const missing = refusal("MissingHeader", "Lambda-Extension-Function-Error-Type not found");
      return exchange.answer(refused(missing));
    }
    const refusedCall = port.extensions.fail(caller.id, call, errorType);
    exchange.answer(refusedCall ? refused(refusedCall) : accepted);
  };
}
