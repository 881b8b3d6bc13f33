/** The function that the benches invoke, and a signed request for it. */
import { createHash, createHmac } from "node:crypto";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { zipOf, type ZipSources } from "../test/harness/zip.ts";

const payload = JSON.stringify({ message: "hello", values: [1, 2, 3], nested: { ok: true } });

export const echoSources = { "index.js": "exports.handler = async (event) => event;\n" };
export const helloPythonSources = {
  "lambda_function.py": "def handler(event, context):\n    return event\n",
};

export function lambdaClient(url: string): LambdaClient {
  return new LambdaClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
}

export async function createEchoFunction(
  url: string,
  name = "echo",
  sources: ZipSources = echoSources,
  more: Partial<CreateFunctionCommandInput> = {},
): Promise<LambdaClient> {
  const client = lambdaClient(url);
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: "nodejs24.x",
      Role: "arn:aws:iam::000000000000:role/any",
      Handler: "index.handler",
      Code: { ZipFile: await zipOf(sources) },
      ...more,
    }),
  );
  await waitUntilFunctionActiveV2(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { FunctionName: name },
  );
  return client;
}

/** A whole HTTP/1.1 Invoke request, signed now: good for 15 minutes, as often as one likes. */
export function signedInvoke(
  url: string,
  name = "echo",
  type: "Event" | "RequestResponse" = "RequestResponse",
): string {
  return signedRequest(url, {
    method: "POST",
    path: `/2015-03-31/functions/${name}/invocations`,
    body: payload,
    headers: { "x-amz-invocation-type": type },
  });
}

export interface RequestParts {
  readonly method: string;
  readonly path: string;
  /** Encoded, its parameters in the order of their names. */
  readonly query?: string;
  readonly body?: string;
  /** Beside those that are signed. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function signedRequest(url: string, parts: RequestParts): string {
  const { method, path, query = "", body = "", headers = {} } = parts;
  const { host } = new URL(url);
  const stamp = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = `${stamp.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  const bodyHash = createHash("sha256").update(body).digest("hex");
  const canonical = [
    method,
    path,
    query,
    `host:${host}`,
    `x-amz-date:${stamp}`,
    "",
    "host;x-amz-date",
    bodyHash,
  ].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const key = scope.split("/").reduce<string | Buffer>((secret, part) => hmac(secret, part), "AWS4test");
  const signature = hmac(key, ["AWS4-HMAC-SHA256", stamp, scope, hash].join("\n")).toString("hex");
  return [
    `${method} ${query ? `${path}?${query}` : path} HTTP/1.1`,
    `host: ${host}`,
    `x-amz-date: ${stamp}`,
    `authorization: AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body ? ["content-type: application/json", `content-length: ${Buffer.byteLength(body)}`] : []),
    "",
    body,
  ].join("\r\n");
}
