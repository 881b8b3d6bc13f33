/** A topic's policy: the default, what AddPermission adds, who is let in by it. Pure. Source: map-sqs-sns-s3 2.2. */
import { partitionOf } from "../../../base/arn.ts";
import { admits } from "../../../events/admission.ts";
import { policyIn } from "../../../events/policy-text.ts";
import type { DeliveryContext } from "../../../events/ports.ts";
import { isAllowed, type Policy, type Statement } from "../../../events/resource-policy.ts";
import { invalidParameter, notAuthorized } from "../errors.ts";
import { topicArn, type TopicName } from "./names.ts";
import type { Attributes } from "./topic-attributes.ts";

interface OwnedTopic extends TopicName {
  readonly attributes: Attributes;
}

export function policyText(topic: OwnedTopic): string {
  return topic.attributes["Policy"] ?? JSON.stringify(defaultPolicy(topic));
}

/** Throws AuthorizationError for a caller of another account whom the policy does not let. `action`: "Publish". */
export function checkCaller(
  topic: OwnedTopic,
  caller: { readonly account: string; readonly principalArn: string },
  action: string,
): void {
  const { account, principalArn: arn } = caller;
  if (account === topic.account) return;
  const principal = { kind: "account", account, arn } as const;
  const resource = topicArn(topic);
  if (isAllowed(policyIn(policyText(topic)), { principal, action: `SNS:${action}`, resource })) return;
  throw notAuthorized(arn, action, resource);
}

/** Whether a service may publish to the topic. */
export function admitsPublisher(topic: OwnedTopic, sender: DeliveryContext): boolean {
  const wanted = { action: "SNS:Publish", resource: topicArn(topic), owner: topic.account };
  return admits(policyIn(policyText(topic)), wanted, sender);
}

export interface Grant {
  readonly label: string;
  readonly accounts: readonly string[];
  readonly actions: readonly string[];
}

export function withPermission(topic: OwnedTopic, { label, accounts, actions }: Grant): string {
  const policy = parsed(topic);
  const statements = statementsOf(policy);
  if (statements.some(({ Sid }) => Sid === label)) throw invalidParameter("Statement already exists");
  if (label === "") throw invalidParameter("Label"); // inferred
  if (accounts.length === 0 || !accounts.every((account) => /^\d{12}$/.test(account))) {
    throw invalidParameter("AWSAccountId"); // inferred
  }
  if (actions.length === 0 || !actions.every((action) => grantable.has(action))) {
    throw invalidParameter("Policy statement action out of service scope!");
  }
  const users = accounts.map((account) => `arn:${partitionOf(topic.region)}:iam::${account}:root`);
  const added = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: oneOrAll(users) },
    Action: oneOrAll(actions.map((action) => `SNS:${action}`)),
    Resource: topicArn(topic),
  };
  return JSON.stringify({ ...policy, Statement: [...statements, added] });
}

/** What is not there is taken away, too. */
export function withoutPermission(topic: OwnedTopic, label: string): string {
  const policy = parsed(topic);
  return JSON.stringify({ ...policy, Statement: statementsOf(policy).filter(({ Sid }) => Sid !== label) });
}

function defaultPolicy(topic: TopicName): Policy {
  return {
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [
          "SNS:GetTopicAttributes",
          "SNS:SetTopicAttributes",
          "SNS:AddPermission",
          "SNS:RemovePermission",
          "SNS:DeleteTopic",
          "SNS:Subscribe",
          "SNS:ListSubscriptionsByTopic",
          "SNS:Publish",
        ],
        Resource: topicArn(topic),
        Condition: { StringEquals: { "AWS:SourceOwner": topic.account } },
      },
    ],
  };
}

const grantable: ReadonlySet<string> = new Set([
  "AddPermission",
  "DeleteTopic",
  "GetDataProtectionPolicy",
  "GetTopicAttributes",
  "ListSubscriptionsByTopic",
  "ListTagsForResource",
  "Publish",
  "PutDataProtectionPolicy",
  "RemovePermission",
  "SetTopicAttributes",
  "Subscribe",
]);

function parsed(topic: OwnedTopic): Policy {
  return JSON.parse(policyText(topic)) as Policy;
}

/** One may stand without its brackets. */
function statementsOf({ Statement: given = [] }: { readonly Statement?: Statement | readonly Statement[] }) {
  return "length" in given ? given : [given];
}

function oneOrAll(values: readonly string[]): string | readonly string[] {
  return values.length === 1 && values[0] !== undefined ? values[0] : values;
}
