/**
 * What a hostile function can do to lambdad itself: its admin routes, by the network and by what lambdad sends for it; the
 * descriptors that its runtime is started with; the pipes of the supervisor. Attacks on other sandboxes and on the machine
 * are in src/isolation/bubblewrap/attacks.ts.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { SubscribeCommand, CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  CreateApiDestinationCommand,
  CreateConnectionCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  InvokeCommand,
  LambdaClient,
  PublishLayerVersionCommand,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { sandboxesUntestable } from "../../src/isolation/suite-tools.ts";
import { startServer, type RunningServer } from "../harness/server.ts";
import { until } from "../harness/wait.ts";
import { zipOf, type ZipSources } from "../harness/zip.ts";

const role = "arn:aws:iam::000000000000:role/attacker";

const code: ZipSources = {
  "index.mjs": `
    import { readdirSync, readlinkSync } from "node:fs";
    import { request } from "node:http";

    function asked({ url, host, method = "GET", body = "" }) {
      return new Promise((resolve) => {
        const headers = { "content-type": "application/json", ...(host && { host }) };
        const sent = request(url, { method, headers, timeout: 3000 }, (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode));
        });
        sent.on("timeout", () => sent.destroy(new Error("timeout")));
        sent.on("error", (error) => resolve(error.code ?? error.message));
        sent.end(body);
      });
    }

    const descriptors = () => readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return [[fd, readlinkSync("/proc/self/fd/" + fd).replace(/\\d+/g, "N")]];
      } catch {
        return []; // of readdir itself
      }
    });
    const atLoad = descriptors();

    export const handler = async ({ requests }) => {
      if (!requests) return { endpoint: process.env.AWS_ENDPOINT_URL, atLoad };
      return Promise.all(requests.map(asked));
    };
  `,
};

/** Registers, then waits for ever; before that, what \`attack\` does. */
const extension = (attack: string): ZipSources => ({
  "extensions/attacker": {
    mode: 0o100755,
    content: `#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"
def call(path, headers, body=None):
    return urllib.request.urlopen(urllib.request.Request(api + path, body, headers))
${attack}
done = call("register", {"Lambda-Extension-Name": "attacker"}, b'{"events":["INVOKE"]}')
who = {"Lambda-Extension-Identifier": done.headers["Lambda-Extension-Identifier"]}
while True:
    call("event/next", who)
`,
  },
});

function attacks(): void {
  let server: RunningServer;
  let lambda: LambdaClient;
  let sns: SNSClient;
  let events: EventBridgeClient;

  before(async () => {
    server = await startServer({ args: ["--log-level", "debug"] });
    const client = {
      endpoint: server.url,
      region: "us-east-1",
      maxAttempts: 1,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    };
    lambda = new LambdaClient(client);
    sns = new SNSClient(client);
    events = new EventBridgeClient(client);
  });
  after(async () => assert.equal(await server.stop(), 0));

  async function created(name: string, input: Partial<CreateFunctionCommandInput> = {}): Promise<void> {
    const Code = { ZipFile: await zipOf(code) };
    const common = { FunctionName: name, Role: role, Handler: "index.handler", Timeout: 20 };
    await lambda.send(new CreateFunctionCommand({ ...common, Runtime: "nodejs24.x", Code, ...input }));
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 120 }, { FunctionName: name });
  }

  async function invoked<T>(name: string, payload: object = {}): Promise<T> {
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(payload)) }),
    );
    const text = Buffer.from(answer.Payload ?? []).toString();
    assert.equal(answer.FunctionError, undefined, text);
    return JSON.parse(text) as T;
  }

  async function layer(sources: ZipSources): Promise<string> {
    const Content = { ZipFile: await zipOf(sources) };
    const made = await lambda.send(new PublishLayerVersionCommand({ LayerName: "attack", Content }));
    return made.LayerVersionArn ?? "";
  }

  const inspect = { path: "/_lambdad/environments/inspect", body: '{"function":"somebodys"}' };
  const adminPaths = ["/_lambdad/metrics", "/_lambdad/events", "/_lambdad/outbox", "/_lambdad/async"];

  test("a function reaches no admin route: not at its endpoint, not through the machine's 127.0.0.1, under no name", async () => {
    await created("admin");
    const { endpoint } = await invoked<{ endpoint: string }>("admin");
    const places = [endpoint, server.url, `http://localhost:${server.port}`];
    const requests = places.flatMap((place) =>
      [undefined, "localhost", `127.0.0.1:${server.port}`].flatMap((host) => [
        ...adminPaths.map((path) => ({ url: place + path, host })),
        { url: place + inspect.path, host, method: "POST", body: inspect.body },
      ]),
    );
    const answers = await invoked<(number | string)[]>("admin", { requests });
    assert.equal(answers.length, requests.length);
    assert.deepEqual(new Set(answers), new Set([403]));
    // The detector: from outside they are there, and lambdad is what the function reached.
    for (const path of ["/_lambdad/metrics", "/_lambdad/async"]) {
      assert.equal((await fetch(server.url + path)).status, 200);
    }
    const listed = places.map((place) => ({ url: `${place}/2015-03-31/functions`, host: undefined }));
    assert.deepEqual(await invoked("admin", { requests: listed }), [200, 200, 200]);
  });

  test("what lambdad sends for a caller reaches no admin route, no sandbox network, but a developer's listener", async (t) => {
    const { endpoint } = await invoked<{ endpoint: string }>("admin");
    const bodies: string[] = [];
    const listener = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(`${request.url} ${chunk.toString()}`));
      request.on("end", () => response.end());
    }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    t.after(() => listener.close());
    const own = `http://localhost:${(listener.address() as AddressInfo).port}`;

    const { ConnectionArn } = await events.send(
      new CreateConnectionCommand({
        Name: "spy",
        AuthorizationType: "API_KEY",
        AuthParameters: {
          ApiKeyAuthParameters: { ApiKeyName: "host", ApiKeyValue: "very-secret-key" },
          InvocationHttpParameters: { HeaderParameters: [{ Key: "via", Value: "none" }] },
        },
      }),
    );
    const targets = [server.url, endpoint, own].map((place) => place + inspect.path);
    await events.send(new PutRuleCommand({ Name: "spy", EventPattern: '{"source":["spy"]}' }));
    for (const [index, InvocationEndpoint] of targets.entries()) {
      const { ApiDestinationArn } = await events.send(
        new CreateApiDestinationCommand({
          ...{ Name: `spy${index}`, ConnectionArn, HttpMethod: "POST", InvocationEndpoint },
        }),
      );
      const target = { Id: String(index), Arn: ApiDestinationArn, RoleArn: role, Input: inspect.body };
      await events.send(new PutTargetsCommand({ Rule: "spy", Targets: [target] }));
    }
    const Entries = [{ Source: "spy", DetailType: "x", Detail: "{}" }];
    await events.send(new PutEventsCommand({ Entries }));
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "spy" }));
    for (const Endpoint of [`${endpoint}/?X-Own=very-secret-key`, `${own}/sns`]) {
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint }));
    }
    await until("the developer's listener has got both", () => bodies.length >= 2);
    assert.deepEqual(bodies.filter((text) => text === `${inspect.path} ${inspect.body}`).length, 1);
    assert.match(bodies.join("\n"), /^\/sns [^/]*SubscriptionConfirmation/m);
    await until(
      "all others were given up",
      () => server.log().match(/sends no requests|answered 403/g)?.length === 3,
    );
    assert.doesNotMatch(server.log(), /a function may be debugged/);
    assert.doesNotMatch(server.log(), /very-secret-key/);
  });

  test("a runtime is started with its own descriptors and no others: plain, specialised and under a supervisor", async () => {
    await created("first"); // asks for waiting runtimes
    await until("one waits", async () =>
      /^lambdad_warm_runtimes [1-9]/m.test(await (await fetch(`${server.url}/_lambdad/metrics`)).text()),
    );
    await created("specialised");
    await created("plain", { Environment: { Variables: { NODE_OPTIONS: "--no-warnings" } } });
    await created("supervised", { Layers: [await layer(extension(""))] });
    const seen = await Promise.all(
      ["specialised", "plain", "supervised"].map(async (name) => {
        const { atLoad } = await invoked<{ atLoad: [string, string][] }>(name);
        return atLoad.map(([fd, leadsTo]) => (Number(fd) < 4 ? `${fd} ${leadsTo}` : leadsTo)).toSorted();
      }),
    );
    // Node's own, its standard ones, and the pipe for frames of output.
    const known =
      /^(0 \/dev\/null|[123] \S+\/pipe-N \(deleted\)|pipe:\[N\]|socket:\[N\]|anon_inode:\[\w+\]|\/dev\/null)$/;
    for (const each of seen) {
      assert.deepEqual(
        each.filter((entry) => !known.test(entry)),
        [],
      );
      assert.deepEqual(each, seen[0]);
    }
  });

  test("an extension cannot clog the pipe through which lambdad orders the runtime to start", async () => {
    const clog = `
import threading
orders = [os.path.join(root, "orders") for root, _, names in os.walk("/run/lambdad") if "orders" in names]
assert len(orders) == 1, orders
def clog():
    with open(orders[0], "wb", 0) as pipe:
        while True: pipe.write(b"x" * 65536)
thread = threading.Thread(target=clog, daemon=True)
threading.excepthook = lambda args: None
thread.start()
thread.join(1)
if thread.is_alive(): os.kill(os.getpid(), 9)
`;
    await created("clog", { Layers: [await layer(extension(clog))] });
    await invoked("clog");
    await invoked("admin");
  });
}

const reason = sandboxesUntestable();
if (reason === undefined) attacks();
else test("attacks on lambdad by its functions", (t) => t.skip(reason));
