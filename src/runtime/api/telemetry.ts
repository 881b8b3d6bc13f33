/**
 * `PUT /2022-07-01/telemetry`, and the Logs API's `PUT /2020-08-15/logs`: an extension subscribes to what happens in its
 * environment. Source: lambda-map 5.3; inferred: "ValidationError", and the sentences as recalled from AWS's own emulator.
 */
import type { TelemetryApi } from "../telemetry-subscription.ts";
import { readSubscription } from "../telemetry-subscription.ts";
import { error, refused, text, tooLarge } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { identify } from "./extension-identity.ts";

export const telemetry: Endpoint = subscribing("telemetry", "Telemetry");
export const logs: Endpoint = subscribing("logs", "Logs");

const accepted = text(200, "OK");

function subscribing(api: TelemetryApi, name: string): Endpoint {
  return ({ request, exchange, port }) => {
    const { headers, body } = request;
    if (body.kind === "too-large") return exchange.answer(tooLarge);
    const caller = identify(headers, port.extensions);
    if (caller.kind === "refused") return exchange.answer(refused(caller));
    const bytes = body.kind === "whole" ? body.bytes : new Uint8Array();
    const subscription = readSubscription(api, bytes, port.ownPorts);
    if (typeof subscription === "string") return exchange.answer(error(400, "ValidationError", subscription));
    const isSubscribed = port.subscribe(caller.name, subscription);
    exchange.answer(
      isSubscribed
        ? accepted
        : error(403, `${name}.SubscriptionClosed`, `${name} API subscription is closed already`),
    );
  };
}
