/** The statements that AddPermission puts into a queue's policy and RemovePermission takes out. Pure. Source: map-sqs-sns-s3 1.12. */
import { partitionOf } from "../../../base/arn.ts";
import { policyActionsMax, policyPrincipalsMax, policyStatementsMax } from "../../../limits.ts";
import { invalidValue, missingParameter, overLimit } from "../errors.ts";
import { queueArn, type QueueName } from "./queue-name.ts";

export interface Grant {
  readonly label: string;
  readonly accounts: readonly string[];
  readonly actions: readonly string[];
}

interface Policy {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement?: Statement | readonly Statement[];
}

interface Statement {
  readonly Sid?: string;
}

export function withPermission(policyJson: string | undefined, queue: QueueName, grant: Grant): string {
  checkGrant(grant);
  const arn = queueArn(queue);
  const policy = (policyJson === undefined ? {} : JSON.parse(policyJson)) as Policy;
  const statements = statementsOf(policy);
  if (statements.some(({ Sid }) => Sid === grant.label)) {
    throw invalidValue("Label", grant.label, "Already exists.");
  }
  if (statements.length >= policyStatementsMax) {
    throw overLimit(
      `${statements.length + 1} statements were found, maximum allowed is ${policyStatementsMax}.`,
    );
  }
  const users = grant.accounts.map((account) => `arn:${partitionOf(queue.region)}:iam::${account}:root`);
  const added = {
    Sid: grant.label,
    Effect: "Allow",
    Principal: { AWS: oneOrAll(users) },
    Action: oneOrAll(grant.actions.map((action) => `SQS:${action}`)),
    Resource: arn,
  };
  return JSON.stringify({
    Version: "2008-10-17",
    Id: `${arn}/SQSDefaultPolicy`,
    ...policy,
    Statement: [...statements, added],
  });
}

/** Undefined: nothing is left. */
export function withoutPermission(policyJson: string | undefined, label: string): string | undefined {
  const policy = (policyJson === undefined ? {} : JSON.parse(policyJson)) as Policy;
  const statements = statementsOf(policy);
  const rest = statements.filter(({ Sid }) => Sid !== label);
  if (rest.length === statements.length) throw invalidValue("Label", label, "can't find label.");
  return rest.length === 0 ? undefined : JSON.stringify({ ...policy, Statement: rest });
}

function checkGrant({ label, accounts, actions }: Grant): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(label)) {
    // inferred: the text.
    const reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
    throw invalidValue("Label", label.slice(0, 100), reason);
  }
  if (accounts.length === 0) throw missingParameter("AWSAccountIds");
  if (actions.length === 0) throw missingParameter("Actions");
  if (actions.length > policyActionsMax) {
    throw overLimit(`${actions.length} Actions were found, maximum allowed is ${policyActionsMax}.`);
  }
  if (accounts.length > policyPrincipalsMax) {
    throw overLimit(`${accounts.length} principals were found, maximum allowed is ${policyPrincipalsMax}.`); // inferred
  }
  for (const account of accounts) {
    if (!/^\d{12}$/.test(account)) {
      throw invalidValue("PrincipalId", account.slice(0, 100), "Unable to verify."); // inferred
    }
  }
  for (const action of actions) {
    if (grantable.has(action)) continue;
    const reason = "Please refer to the appropriate WSDL for a list of valid actions. ";
    throw invalidValue("ActionName", `SQS:${action.slice(0, 100)}`, reason);
  }
}

/** AWS: what cannot be granted across accounts is not in the list. */
const grantable: ReadonlySet<string> = new Set([
  "*",
  "ChangeMessageVisibility",
  "DeleteMessage",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ListDeadLetterSourceQueues",
  "PurgeQueue",
  "ReceiveMessage",
  "SendMessage",
]);

function statementsOf({ Statement: statements = [] }: Policy): readonly Statement[] {
  return "length" in statements ? statements : [statements];
}

function oneOrAll(values: readonly string[]): string | readonly string[] {
  return values.length === 1 && values[0] !== undefined ? values[0] : values;
}
