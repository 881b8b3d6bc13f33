import assert from "node:assert/strict";
import { test } from "node:test";
import { sandboxesMax } from "../limits.ts";
import { parseNameServers } from "./network.ts";
import {
  instancesMax,
  linkBatches,
  networkPlan,
  ruleset,
  sandboxAddress,
  sandboxGroup,
  sandboxLink,
  sandboxUser,
} from "./network-plan.ts";

const plans = Array.from({ length: instancesMax }, (_, number) => networkPlan(number));

test("the first lambdad of a machine has AWS's address", () => {
  assert.equal(plans[0]?.hostAddress, "169.254.100.1");
  assert.equal(plans[0]?.table, "lambdad_0");
});

test("D1: no two sandboxes of a machine share an address, a user or a link, and none has a reserved one", () => {
  const seen = new Set<string | number>();
  const reserved = new Set([
    "169.254.169.254",
    "169.254.169.253",
    "169.254.170.2",
    ...plans.map((plan) => plan.hostAddress),
  ]);
  for (const plan of plans) {
    for (let slot = 1; slot <= sandboxesMax; slot += 1) {
      const address = sandboxAddress(plan, slot);
      const [, , third = 0, fourth = 0] = address.split(".").map(Number);
      assert.ok(!reserved.has(address), address);
      assert.ok(third >= 1 && third <= 254 && fourth <= 255, address);
      const links = [sandboxLink(plan, "outside", slot), sandboxLink(plan, "endpoints", slot)];
      for (const name of [address, sandboxUser(plan.number, slot).uid, ...links]) {
        assert.ok(!seen.has(name), `${name} twice`);
        seen.add(name);
      }
      assert.ok(links.every((link) => link.length <= 15));
    }
  }
});

test("D1: a user is never the group that all share, nor one that fits no signed 32 bits", () => {
  for (const { number } of plans) {
    assert.notEqual(sandboxUser(number, 1).uid, sandboxGroup(number));
    assert.ok(sandboxUser(number, sandboxesMax).uid < sandboxGroup(number + 1));
    assert.ok(sandboxUser(number, sandboxesMax).uid < 2 ** 31);
  }
});

test("numbers beyond the plan are refused", () => {
  const [plan] = plans;
  assert.ok(plan);
  assert.throws(() => networkPlan(instancesMax), RangeError);
  assert.throws(() => sandboxAddress(plan, 0), RangeError);
  assert.throws(() => sandboxAddress(plan, sandboxesMax + 1), RangeError);
});

test("one lambdad's pattern of links matches no other's", () => {
  for (const plan of plans) {
    const begin = plan.links.replace("*", "");
    const others = plans.filter((other) => other !== plan).map((other) => sandboxLink(other, "outside", 1));
    assert.deepEqual(
      others.filter((link) => link.startsWith(begin)),
      [],
    );
  }
});

test("D1: limited to endpoints, a sandbox gets no default route", () => {
  const [plan] = plans;
  assert.ok(plan);
  const spec = { plan, slot: 1, lambdadPid: 99 };
  assert.ok(!linkBatches({ ...spec, mode: "endpoints" }).inside.includes("default"));
  assert.ok(linkBatches({ ...spec, mode: "outside" }).inside.includes("route add default via 169.254.100.1"));
});

test("without an uplink nothing is let through", () => {
  const [plan] = plans;
  assert.ok(plan);
  const rules = ruleset({ plan, uplinks: [], resolvers: [], opened: [] });
  assert.match(rules, /chain to_outside \{\ndrop\n/);
  assert.ok(!rules.includes("dport 53"));
});

test("name servers are IPv4, at most three, and never the loopback or the metadata address", () => {
  const text = `# comment
nameserver 127.0.0.53
nameserver 169.254.169.254
nameserver fe80::1
nameserver 10.0.0.2
nameserver\t10.0.0.3
nameserver 10.0.0.4; drop
  nameserver 10.0.0.5
nameserver 10.0.0.6
search example.org`;
  assert.deepEqual(parseNameServers(text), ["10.0.0.2", "10.0.0.3", "10.0.0.5"]);
});
