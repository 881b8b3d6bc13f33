import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { base32, type Session, TemporaryCredentials } from "./temporary-credentials.ts";

const secret = Buffer.alloc(32, 1);
const session: Session = {
  account: "111122223333",
  principalArn: "arn:aws:sts::111122223333:assumed-role/R/s\u00e9ssion",
  userId: "AROAX:s",
  expiresAtMs: 5000,
};

test("what was issued is known again, after a restart too", () => {
  const issued = new TemporaryCredentials(secret, seededRandom(1)).issue(session);
  assert.match(issued.accessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.match(issued.secretAccessKey, /^[A-Za-z0-9+/]{40}$/);
  const restarted = new TemporaryCredentials(secret, seededRandom(2));
  assert.equal(restarted.secretOf(issued.accessKeyId), issued.secretAccessKey);
  assert.deepEqual(restarted.read(issued.accessKeyId, issued.sessionToken), session);
});

test("a token that was changed, cut, issued with another key or by another platform is nobody's", () => {
  const credentials = new TemporaryCredentials(secret, seededRandom(1));
  const { accessKeyId, sessionToken } = credentials.issue(session);
  const other = credentials.issue(session);
  assert.notEqual(other.accessKeyId, accessKeyId);
  assert.equal(credentials.read(other.accessKeyId, sessionToken), undefined);
  assert.equal(credentials.read("AKIAIOSFODNN7EXAMPLE", sessionToken), undefined);
  const foreign = new TemporaryCredentials(Buffer.alloc(32, 2), seededRandom(1));
  assert.equal(foreign.read(accessKeyId, sessionToken), undefined);
  for (let at = 0; at < sessionToken.length; at += 1) {
    const changed =
      sessionToken.slice(0, at) + (sessionToken[at] === "A" ? "B" : "A") + sessionToken.slice(at + 1);
    assert.equal(credentials.read(accessKeyId, changed), undefined, `character ${at}`);
    assert.equal(credentials.read(accessKeyId, sessionToken.slice(0, at)), undefined, `the first ${at}`);
  }
});

test("an access key that nobody issued has no secret", () => {
  const credentials = new TemporaryCredentials(secret, seededRandom(1));
  for (const key of ["", "ASIA", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPL1", "asiaiosfodnn7exampla"]) {
    assert.equal(credentials.secretOf(key), undefined, key);
  }
});

test("base32 is RFC 4648's, without padding", () => {
  for (const [text, encoded] of [
    ["", ""],
    ["fooba", "MZXW6YTB"],
    ["foobarfoob", "MZXW6YTBOJTG633C"],
  ] as const) {
    assert.equal(base32(Buffer.from(text)), encoded);
  }
});
