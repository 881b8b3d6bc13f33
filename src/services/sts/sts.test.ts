/** STS as AWS's own client sees it, and what its credentials are good for at other services. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import {
  AssumeRoleCommand,
  type AssumeRoleCommandInput,
  AssumeRoleWithWebIdentityCommand,
  type Credentials,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from "@aws-sdk/client-sts";
import {
  createTestGateway,
  echoLambda,
  testKeys,
  testTemporary,
  tinyS3,
} from "../../../test/harness/gateway.ts";
import type { Clock } from "../../base/clock.ts";
import { systemClock } from "../../base/clock.ts";
import { createMemoryStore } from "../../store/memory/memory-store.ts";
import { seededRandom } from "../../base/random.ts";
import { createSts, openTemporaryCredentials } from "./index.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const ours = "000000000000";
const other = "arn:aws:iam::111122223333:role/deep/path/Builder";

async function listening(t: TestContext, { secure = false } = {}) {
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const sts = createSts({ clock, temporary: testTemporary, secure });
  const { gateway } = createTestGateway({ services: [sts, echoLambda(), tinyS3()], secure, clock });
  const { url } = await gateway.listen({ host: "127.0.0.1", port: 0, admin: true });
  t.after(() => gateway.close(0));
  function clientsOf(credentials: Keys) {
    const options = { endpoint: url, region: "us-east-1", credentials, maxAttempts: 1 };
    const offset = { systemClockOffset: aheadMs };
    return {
      sts: new STSClient({ ...options, ...offset }),
      lambda: new LambdaClient({ ...options, ...offset }),
      s3: new S3Client({ ...options, ...offset, forcePathStyle: true }),
    };
  }
  return { url, clientsOf, pass: (ms: number) => (aheadMs += ms) };
}

function keysOf(credentials: Credentials | undefined): Required<Keys> {
  const { AccessKeyId, SecretAccessKey, SessionToken } = credentials ?? {};
  assert.ok(AccessKeyId && SecretAccessKey && SessionToken);
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.c2ln`;
}

test("a role is assumed, and whoever has its credentials acts in its account", async (t) => {
  const { clientsOf } = await listening(t);
  const { Credentials, AssumedRoleUser, SourceIdentity } = await clientsOf(testKeys).sts.send(
    new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me@home", SourceIdentity: "someone" }),
  );
  const arn = "arn:aws:sts::111122223333:assumed-role/Builder/me@home";
  assert.equal(AssumedRoleUser?.Arn, arn);
  assert.match(AssumedRoleUser?.AssumedRoleId ?? "", /^AROA[A-Z2-7]{17}:me@home$/);
  assert.equal(SourceIdentity, "someone");
  const hourMs = (Credentials?.Expiration?.getTime() ?? 0) - Date.now();
  assert.ok(Math.abs(hourMs - 3_600_000) < 60_000, `${hourMs} ms`);

  const { sts, lambda } = clientsOf(keysOf(Credentials));
  const who = await sts.send(new GetCallerIdentityCommand({}));
  assert.deepEqual([who.Account, who.Arn, who.UserId], ["111122223333", arn, AssumedRoleUser?.AssumedRoleId]);
  const { Functions } = await lambda.send(new ListFunctionsCommand({}));
  assert.match(Functions?.[0]?.FunctionName ?? "", /^111122223333 us-east-1 header /);
});

test("a token with a key that it was not issued with counts for nothing", async (t) => {
  const { clientsOf } = await listening(t);
  const { Credentials } = await clientsOf(testKeys).sts.send(
    new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me" }),
  );
  const { sessionToken } = keysOf(Credentials);
  const who = await clientsOf({ ...testKeys, sessionToken }).sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Account, ours);
});

const refused: readonly (readonly [string, Partial<AssumeRoleCommandInput>, string, RegExp])[] = [
  [
    "no role",
    { RoleArn: "arn:aws:iam::111122223333:user/Builder" },
    "ValidationError",
    /user\/Builder is invalid$/,
  ],
  [
    "an account of eleven digits",
    { RoleArn: "arn:aws:iam::11112222333:role/Builder" },
    "ValidationError",
    /is invalid$/,
  ],
  [
    "a short session name",
    { RoleSessionName: "a" },
    "ValidationError",
    /'roleSessionName'.*greater than or equal to 2/,
  ],
  ["a session name with a space", { RoleSessionName: "a b" }, "ValidationError", /'roleSessionName'/],
  ["a short session", { DurationSeconds: 899 }, "ValidationError", /greater than or equal to 900/],
  ["a long session", { DurationSeconds: 43_201 }, "ValidationError", /less than or equal to 43200/],
  [
    "a passcode",
    { SerialNumber: "arn:aws:iam::0:mfa/me", TokenCode: "123456" },
    "AccessDenied",
    /MultiFactor/,
  ],
  ["a session policy", { Policy: "{}" }, "ValidationError", /^Session policies are not there/],
  ["session tags", { Tags: [{ Key: "k", Value: "v" }] }, "ValidationError", /^Session tags are not there/],
];

for (const [what, input, name, message] of refused) {
  test(`AssumeRole refuses ${what}`, async (t) => {
    const { clientsOf } = await listening(t);
    const command = new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me", ...input });
    await assert.rejects(clientsOf(testKeys).sts.send(command), { name, message });
  });
}

test("a role that assumes a role may do so for an hour", async (t) => {
  const { clientsOf } = await listening(t);
  const first = new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me", DurationSeconds: 43_200 });
  const { Credentials } = await clientsOf(testKeys).sts.send(first);
  const { sts } = clientsOf(keysOf(Credentials));
  await assert.rejects(sts.send(first), { name: "ValidationError", message: /role chaining$/ });
  await sts.send(new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me" }));
  await assert.rejects(sts.send(new GetSessionTokenCommand({})), { name: "AccessDenied" });
});

test("GetSessionToken's credentials are the caller's own", async (t) => {
  const { clientsOf } = await listening(t, { secure: true });
  const { Credentials } = await clientsOf(testKeys).sts.send(new GetSessionTokenCommand({}));
  const who = await clientsOf(keysOf(Credentials)).sts.send(new GetCallerIdentityCommand({}));
  assert.deepEqual([who.Account, who.Arn], [ours, `arn:aws:iam::${ours}:root`]);
});

test("where signatures are verified, temporary credentials are: key, secret, token and time", async (t) => {
  const { clientsOf, pass } = await listening(t, { secure: true });
  const role = `arn:aws:iam::${ours}:role/R`;
  const { Credentials } = await clientsOf(testKeys).sts.send(
    new AssumeRoleCommand({ RoleArn: role, RoleSessionName: "me", DurationSeconds: 900 }),
  );
  const keys = keysOf(Credentials);
  const good = clientsOf(keys);
  const who = await good.sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Arn, `arn:aws:sts::${ours}:assumed-role/R/me`);
  await good.lambda.send(new ListFunctionsCommand({}));
  await good.s3.send(new ListObjectsV2Command({ Bucket: "b" }));

  const { accessKeyId, secretAccessKey } = keys;
  const bad: readonly (readonly [string, Keys, string])[] = [
    ["no token", { accessKeyId, secretAccessKey }, "InvalidClientTokenId"],
    ["another token", { ...keys, sessionToken: `${keys.sessionToken}x` }, "InvalidClientTokenId"],
    ["another secret", { ...keys, secretAccessKey: "x" }, "SignatureDoesNotMatch"],
    ["another key", { ...keys, accessKeyId: "ASIAAAAAAAAAAAAAAAAA" }, "SignatureDoesNotMatch"],
  ];
  for (const [what, credentials, name] of bad) {
    const answered = clientsOf(credentials).sts.send(new GetCallerIdentityCommand({}));
    await assert.rejects(answered, { name }, what);
  }
  const elsewhere = new AssumeRoleCommand({ RoleArn: other, RoleSessionName: "me" });
  await assert.rejects(clientsOf(testKeys).sts.send(elsewhere), {
    name: "AccessDenied",
    message: `User: arn:aws:iam::${ours}:root is not authorized to perform: sts:AssumeRole on resource: ${other}`,
  });

  pass(901_000);
  const late = clientsOf(keys);
  await assert.rejects(late.sts.send(new GetCallerIdentityCommand({})), { name: "ExpiredToken" });
  await assert.rejects(late.lambda.send(new ListFunctionsCommand({})), { name: "ExpiredTokenException" });
  await assert.rejects(late.s3.send(new ListObjectsV2Command({ Bucket: "b" })), { name: "ExpiredToken" });
});

test("a web identity assumes a role without a signature, but where signatures are verified", async (t) => {
  const claims = { sub: "repo:me/it", aud: "sts.amazonaws.com", iss: "https://token.example.com" };
  const input = { RoleArn: other, RoleSessionName: "me", WebIdentityToken: jwt(claims) };
  const open = await listening(t);
  const { sts } = open.clientsOf(testKeys);
  const answer = await sts.send(new AssumeRoleWithWebIdentityCommand(input));
  assert.equal(answer.SubjectFromWebIdentityToken, claims.sub);
  assert.equal(answer.Audience, claims.aud);
  assert.equal(answer.Provider, "token.example.com");
  const who = await open.clientsOf(keysOf(answer.Credentials)).sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Account, "111122223333");
  for (const [token, name] of [
    ["none.at.all", "InvalidIdentityTokenException"],
    ["nothing", "InvalidIdentityTokenException"],
    [jwt({ ...claims, sub: 1 }), "InvalidIdentityTokenException"],
    [jwt({ ...claims, exp: 1 }), "ExpiredTokenException"],
  ] as const) {
    const refusal = sts.send(new AssumeRoleWithWebIdentityCommand({ ...input, WebIdentityToken: token }));
    await assert.rejects(refusal, { name }, token);
  }
  const closed = await listening(t, { secure: true });
  await assert.rejects(closed.clientsOf(testKeys).sts.send(new AssumeRoleWithWebIdentityCommand(input)), {
    name: "InvalidIdentityTokenException",
    message: "No OpenIDConnect provider found in your account for https://token.example.com",
  });
});

test("the secret of temporary credentials is made once", async () => {
  const store = createMemoryStore();
  const first = await openTemporaryCredentials(store, seededRandom(1));
  const session = { account: ours, principalArn: "a", userId: "u", expiresAtMs: 1 };
  const { accessKeyId, sessionToken } = first.issue(session);
  const second = await openTemporaryCredentials(store, seededRandom(2));
  assert.deepEqual(second.read(accessKeyId, sessionToken), session);
});
