/**
 * An invocation whose answer is passed on while the function still runs. Resolves as soon as it begins; an answer that
 * the runtime does not stream comes whole, at its end.
 */
import type { ResponseStream } from "../../runtime/response-stream.ts";
import type { InvokeAnswer, InvokeOrder, Invoker } from "../../invoke/contract.ts";

export type StreamedAnswer =
  | InvokeAnswer
  | {
      readonly kind: "stream";
      /** To be read or abandoned, or the function waits until it times out. */
      readonly stream: ResponseStream;
      /** How the invocation has ended: after the stream. A success has no payload. */
      readonly ended: Promise<InvokeAnswer>;
    };

/** Rejects as `Invoker.invoke` does. */
export async function invokeStreamed(
  invoker: Pick<Invoker, "invoke">,
  order: InvokeOrder,
): Promise<StreamedAnswer> {
  const begun = Promise.withResolvers<void>();
  let stream: ResponseStream | undefined;
  const onStream = (given: ResponseStream) => {
    stream = given;
    begun.resolve();
  };
  const ended = invoker.invoke({ ...order, request: { ...order.request, onStream } });
  await Promise.race([begun.promise, ended]);
  return stream ? { kind: "stream", stream, ended } : ended;
}
