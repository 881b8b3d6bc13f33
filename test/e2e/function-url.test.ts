/** Function URLs as clients meet them: made with the SDK, called over plain HTTP by host name and by path. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateFunctionUrlConfigCommand,
  DeleteAliasCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionUrlConfigCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { createEchoFunction } from "../../bench/echo.ts";
import { openUrl, publicUrlPermissions, urlByPath } from "../harness/public-url.ts";
import { startServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";

/** Answers what the request's path asks for; anything else is the event itself. */
const sources = {
  "index.js": `
exports.handler = async (event) => {
  switch (event.rawPath) {
    case "/full": return {
      statusCode: "418",
      headers: { "X-Own": 1, "Content-Type": "text/plain", "access-control-allow-origin": "mine" },
      cookies: ["a=1", "b=2"],
      isBase64Encoded: true,
      body: Buffer.from("tea").toString("base64"),
    };
    case "/text": return "hello";
    case "/moved": return { statusCode: 302, headers: { Location: "/text" } };
    case "/list": return ["hello", 3, true];
    case "/throw": throw new Error("no");
    case "/bad-status": return { statusCode: 1000 };
    case "/split": return { statusCode: 200, headers: { "x-a": "1\\r\\nx-evil: 2" }, body: "" };
    default: return event;
  }
};
`,
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** As a client does that resolves the URL's name, without needing one that does. */
function call(
  server: string,
  functionUrl: string,
  path: string,
  { method = "GET", headers, body }: Call = {},
) {
  const { hostname, port } = new URL(server);
  const { host, pathname } = new URL(functionUrl);
  return new Promise<Answer>((resolve, reject) => {
    const options = {
      hostname,
      port,
      agent: false as const,
      method,
      path: pathname.replace(/\/$/, "") + path,
      headers: { ...headers, host },
    };
    const sent = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const forbidden =
  '{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}';

test(
  "a function URL turns requests into events and answers into responses",
  { timeout: 120_000 },
  async () => {
    const server = await startServer();
    try {
      const FunctionName = "web";
      const lambda = await createEchoFunction(server.url, FunctionName, sources);
      const made = await lambda.send(new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: "NONE" }));
      const url = made.FunctionUrl ?? "";
      // By name where this machine finds names below localhost, else by path.
      const forms =
        /^http:\/\/([a-z2-7]{32}\.lambda-url\.us-east-1\.localhost:\d+|127\.0\.0\.1:\d+\/_lambdad\/url\/[a-z2-7]{32})\/$/;
      assert.match(url, forms);
      assert.equal(made.InvokeMode, undefined);
      const got = await lambda.send(new GetFunctionUrlConfigCommand({ FunctionName }));
      assert.equal(got.FunctionUrl, url);
      assert.equal(got.InvokeMode, "BUFFERED");
      const get = (path: string, more?: Call) => call(server.url, url, path, more);

      // Until somebody says so, it is open to nobody.
      const refused = await get("/text");
      assert.deepEqual([refused.status, refused.body], [403, forbidden]);
      assert.equal(refused.headers["x-amzn-errortype"], "AccessDeniedException");
      // The log comes by another pipe, and may be read after the answer.
      await until("the log says so", () =>
        /function URL was refused.*lambda:InvokeFunctionUrl/.test(server.log()),
      );
      const [first, second] = publicUrlPermissions({ FunctionName });
      assert(first && second);
      await lambda.send(new AddPermissionCommand(first));
      assert.equal((await get("/text")).status, 403, "since October 2025 one of the two is not enough");
      await lambda.send(new AddPermissionCommand(second));

      // The event.
      const echoed = await get("/pa2%2Fth/1?multi=foo&multi=%2Fbar&one=1", {
        method: "POST",
        headers: { "content-type": "application/json", cookie: "a=1; b=2", "X-Mixed": "Case" },
        body: '{"n":1}',
      });
      assert.equal(echoed.status, 200);
      assert.equal(echoed.headers["content-type"], "application/json");
      const event = JSON.parse(echoed.body);
      assert.equal(event.version, "2.0");
      assert.equal(event.routeKey, "$default");
      assert.equal(event.rawPath, "/pa2%2Fth/1");
      assert.equal(event.rawQueryString, "multi=foo&multi=%2Fbar&one=1");
      assert.deepEqual(event.queryStringParameters, { multi: "foo,/bar", one: "1" });
      assert.deepEqual(event.cookies, ["a=1", "b=2"]);
      assert.equal(event.headers["x-mixed"], "Case");
      assert.equal(event.headers["x-forwarded-proto"], "http");
      assert.equal(event.body, '{"n":1}');
      assert.equal(event.isBase64Encoded, false);
      assert.equal(event.requestContext.accountId, "anonymous");
      assert.equal(event.requestContext.http.method, "POST");
      assert.equal(event.requestContext.requestId, echoed.headers["x-amzn-requestid"]);
      assert.equal(event.headers["x-amzn-trace-id"], echoed.headers["x-amzn-trace-id"]);
      assert.match(event.requestContext.time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
      const binary = JSON.parse((await get("/", { method: "POST", body: new Uint8Array([0, 255]) })).body);
      assert.deepEqual([binary.body, binary.isBase64Encoded], ["AP8=", true]);
      const bare = JSON.parse((await get("/")).body);
      for (const absent of ["body", "queryStringParameters", "cookies"]) assert.equal(absent in bare, false);

      // The request's id leads to the log.
      const logs = new CloudWatchLogsClient({
        endpoint: server.url,
        region: "us-east-1",
        credentials: { accessKeyId: "test", secretAccessKey: "test" },
      });
      await until("the log has the request's END line", async () => {
        const filterPattern = `"END RequestId: ${String(echoed.headers["x-amzn-requestid"])}"`;
        const found = await logs.send(
          new FilterLogEventsCommand({ logGroupName: "/aws/lambda/web", filterPattern }),
        );
        return found.events?.length === 1;
      });

      // The response.
      const full = await get("/full");
      assert.deepEqual(
        [full.status, full.body, full.headers["x-own"], full.headers["set-cookie"]],
        [418, "tea", "1", ["a=1", "b=2"]],
      );
      assert.equal((await get("/text")).body, "hello");
      assert.equal((await get("/list")).body, '["hello",3,true]');
      assert.equal((await get("/text", { method: "HEAD" })).body, "");
      for (const path of ["/throw", "/bad-status", "/split"]) {
        const failed = await get(path);
        assert.deepEqual([failed.status, failed.body], [502, "Internal Server Error"], path);
      }

      // The address that was given can be reached from here, and both forms lead to the function.
      assert.equal(await (await fetch(`${url}text`)).text(), "hello");
      const byPath = urlByPath(server.url, url);
      const moved = await fetch(`${byPath}moved`, { redirect: "manual" });
      assert.equal(`${server.url}${moved.headers.get("location")}`, `${byPath}text`);
      const id = new URL(byPath).pathname.split("/").at(-2);
      const named = `http://${id}.lambda-url.us-east-1.localhost:${new URL(server.url).port}/`;
      const byName = await call(server.url, named, "/moved");
      assert.deepEqual([byName.status, byName.headers["location"]], [302, "/text"]);

      // CORS: preflights do not reach the function, other answers carry its headers and ours.
      const Cors = {
        AllowOrigins: ["https://a.example"],
        AllowMethods: ["GET"],
        AllowHeaders: ["x-one"],
        MaxAge: 60,
      };
      await lambda.send(new UpdateFunctionUrlConfigCommand({ FunctionName, Cors }));
      const origin = { origin: "https://a.example" };
      const preflight = await get("/", {
        method: "OPTIONS",
        headers: { ...origin, "access-control-request-method": "GET" },
      });
      assert.deepEqual([preflight.status, preflight.body], [200, ""]);
      assert.equal(preflight.headers["access-control-allow-origin"], "https://a.example");
      assert.equal(preflight.headers["access-control-allow-methods"], "GET");
      assert.equal(preflight.headers["access-control-max-age"], "60");
      const both = await get("/full", { headers: origin });
      assert.equal(both.headers["access-control-allow-origin"], "mine, https://a.example");
      const foreign = await get("/text", { headers: { origin: "https://b.example" } });
      assert.deepEqual([foreign.body, foreign.headers["access-control-allow-origin"]], ["hello", undefined]);

      // Refusals.
      const large = await get("/", { method: "POST", body: new Uint8Array(7 * 1024 * 1024) });
      assert.equal(large.status, 413);
      assert.match(large.body, /Request must be smaller than 6291456 bytes for the InvokeFunction operation/);
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      const throttled = await get("/text");
      assert.equal(throttled.status, 429);
      assert.equal(JSON.parse(throttled.body).Reason, "ReservedFunctionConcurrentInvocationLimitExceeded");
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 5 }));
      await lambda.send(new UpdateFunctionUrlConfigCommand({ FunctionName, AuthType: "AWS_IAM" }));
      const unsigned = await get("/text");
      assert.deepEqual([unsigned.status, unsigned.body], [403, forbidden]);
      assert.equal(unsigned.headers["x-amzn-errortype"], "AccessDeniedException");

      // An alias has one of its own, which outlives it.
      await lambda.send(new PublishVersionCommand({ FunctionName }));
      await lambda.send(new CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1" }));
      const live = await lambda.send(
        new CreateFunctionUrlConfigCommand({ FunctionName, Qualifier: "live", AuthType: "NONE" }),
      );
      await openUrl(lambda, { FunctionName, Qualifier: "live" });
      assert.equal((await call(server.url, live.FunctionUrl ?? "", "/text")).body, "hello");
      await lambda.send(new DeleteAliasCommand({ FunctionName, Name: "live" }));
      assert.equal((await call(server.url, live.FunctionUrl ?? "", "/text")).body, forbidden);

      await lambda.send(new DeleteFunctionUrlConfigCommand({ FunctionName }));
      const gone = await get("/text");
      assert.deepEqual([gone.status, gone.body], [403, '{"Message":null}']);
    } finally {
      await server.stop();
    }
  },
);
