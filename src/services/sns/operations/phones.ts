/** Text messages: settings, and who has opted out: nobody. Texts go to the outbox. Source: map-sqs-sns-s3 2.5, 2.8. */
import { allNotImplemented, type OperationsOf } from "../../service.ts";
import { isPhoneNumber } from "../domain/endpoint.ts";
import { invalidParameter, unsupported } from "../errors.ts";
import type { Client, SnsParts } from "../parts.ts";

type PhoneOperations = Pick<
  OperationsOf<Client>,
  | "GetSMSAttributes"
  | "SetSMSAttributes"
  | "CheckIfPhoneNumberIsOptedOut"
  | "OptInPhoneNumber"
  | "ListPhoneNumbersOptedOut"
  | "ListOriginationNumbers"
  | "GetSMSSandboxAccountStatus"
  | "CreateSMSSandboxPhoneNumber"
  | "DeleteSMSSandboxPhoneNumber"
  | "ListSMSSandboxPhoneNumbers"
  | "VerifySMSSandboxPhoneNumber"
>;

export function phoneOperations({ store }: SnsParts): PhoneOperations {
  return {
    async GetSMSAttributes({ attributes: names = [] }, ctx) {
      const all = { MonthlySpendLimit: "1", ...(await store.smsAttributes(ctx)) };
      const shown = Object.entries(all).filter(([name]) => names.length === 0 || names.includes(name));
      return { attributes: Object.fromEntries(shown) };
    },

    async SetSMSAttributes({ attributes: given }, ctx) {
      const before = await store.smsAttributes(ctx);
      for (const [name, value] of Object.entries(given)) checkSmsAttribute(name, value);
      await store.putSmsAttributes(ctx, { ...before, ...given });
      return {};
    },

    async CheckIfPhoneNumberIsOptedOut({ phoneNumber }) {
      checkPhone(phoneNumber);
      return { isOptedOut: false };
    },

    async OptInPhoneNumber({ phoneNumber }) {
      checkPhone(phoneNumber);
      return {};
    },

    async ListPhoneNumbersOptedOut() {
      return { phoneNumbers: [] };
    },

    async ListOriginationNumbers() {
      return { PhoneNumbers: [] };
    },

    async GetSMSSandboxAccountStatus() {
      return { IsInSandbox: false };
    },

    ...allNotImplemented("texts go to the outbox, and need no verified numbers", [
      "CreateSMSSandboxPhoneNumber",
      "DeleteSMSSandboxPhoneNumber",
      "ListSMSSandboxPhoneNumbers",
      "VerifySMSSandboxPhoneNumber",
    ]),
  };
}

/** Those that say how a carrier is to treat texts hold for none; what would have to happen here is refused. */
function checkSmsAttribute(name: string, value: string): void {
  switch (name) {
    case "MonthlySpendLimit":
      if (!/^\d{1,9}$/.test(value)) throw invalidParameter("MonthlySpendLimit is invalid");
      return;
    case "DefaultSMSType":
      if (value !== "Promotional" && value !== "Transactional")
        throw invalidParameter("DefaultSMSType is invalid");
      return;
    case "DefaultSenderID":
      // AWS's spelling.
      if (!/^(?=.*[A-Za-z])[A-Za-z0-9]{1,11}$/.test(value)) {
        throw invalidParameter("DefaultSendID is not a valid attribute");
      }
      return;
    case "DeliveryStatusIAMRole":
    case "DeliveryStatusSuccessSamplingRate":
    case "UsageReportS3Bucket":
      throw unsupported(`The SMS attribute ${name}`);
    default:
      throw invalidParameter(`${name.slice(0, 100)} is not a valid attribute`);
  }
}

function checkPhone(text: string | undefined): void {
  if (!isPhoneNumber(text ?? "")) throw invalidParameter("PhoneNumber Reason: input incorrectly formatted");
}
