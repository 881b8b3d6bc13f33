/** Names, addresses and ARNs of queues. Pure. Source: map-sqs-sns-s3 1.2. */
import { formatArn, parseArn } from "../../../base/arn.ts";
import { invalidAddress, invalidParameter } from "../errors.ts";

export interface QueueName {
  readonly account: string;
  readonly region: string;
  readonly name: string;
}

export function queueArn({ account, region, name }: QueueName): string {
  return formatArn({ service: "sqs", region, account, resource: name });
}

/** Undefined for what is no queue's ARN. */
export function queueOfArn(arn: string): QueueName | undefined {
  const { service, region = "", account = "", resource = "" } = parseArn(arn) ?? {};
  return service === "sqs" && isName(resource) ? { account, region, name: resource } : undefined;
}

/** `endpoint`: as the caller has reached us. */
export function queueUrl(endpoint: string, { account, name }: QueueName): string {
  return `${endpoint}/${account}/${name}`;
}

/** Of the last two parts of a path, whatever the host; or of the name alone. */
export function queueOfUrl(
  url: string,
  caller: { readonly account: string; readonly region: string },
): QueueName {
  const { region } = caller;
  if (isName(url)) return { account: caller.account, region, name: url };
  const [, account, name] = /(?:^|\/)(\d{12})\/([A-Za-z0-9_.-]+)\/?$/.exec(url) ?? [];
  if (account === undefined || name === undefined || !isName(name)) throw invalidAddress(url);
  return { account, region, name };
}

/** Throws AWS's errors for a name that no queue of this kind may have. */
export function checkNewName(name: string, isFifo: boolean): void {
  if (isFifo && !(isName(name) && name.endsWith(".fifo"))) {
    throw invalidParameter(
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length",
    );
  }
  if (!isFifo && !/^[A-Za-z0-9_-]{1,80}$/.test(name)) {
    throw invalidParameter(
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  }
}

function isName(text: string): boolean {
  return text.length <= 80 && /^[A-Za-z0-9_-]+(\.fifo)?$/.test(text);
}
