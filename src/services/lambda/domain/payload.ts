/** Is an invocation's payload JSON? Pure. */
import { isUtf8 } from "node:buffer";
import { bufferOf } from "../../../base/bytes.ts";
import { invalidRequestContent } from "../errors.ts";
import { jacksonComplaint } from "../../../wire/jackson.ts";

const emptyObject = Buffer.from("{}");

/** AWS takes an empty body for `{}`. Throws InvalidRequestContentException. */
export function checkedPayload(payload: Uint8Array | undefined): Uint8Array {
  if (!payload?.length) return emptyObject;
  if (!isJson(payload)) {
    throw invalidRequestContent(
      `Could not parse request body into json: Could not parse payload into json: ${jacksonComplaint(payload)}`,
    );
  }
  return payload;
}

function isJson(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    JSON.parse(bufferOf(bytes).toString());
    return true;
  } catch {
    return false;
  }
}
