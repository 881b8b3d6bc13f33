/** Signatures are verified here as an independent reader of AWS's documentation would: node:crypto over a string made by hand. */
import assert from "node:assert/strict";
import { generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { selfSignedCertificate } from "./certificate.ts";
import { type Envelope, envelopeText, lambdaEvent, mailOf } from "./envelope.ts";
import { canonicalText, signatureOf } from "./signature.ts";

const notification: Envelope = {
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: "arn:aws:sns:us-west-2:123456789012:MyTopic",
  Subject: "My First Message",
  Message: 'Hello "world"\n!',
  Timestamp: "2012-05-02T00:54:06.655Z",
  SignatureVersion: "1",
  Signature: "EXAMPLE",
  SigningCertURL: "http://localhost/x.pem",
  UnsubscribeURL: "http://localhost/?Action=Unsubscribe",
  MessageAttributes: { color: { Type: "String", Value: "blue" }, size: { Type: "Number", Value: "5" } },
};

test("the envelope is set as AWS sets it", () => {
  assert.equal(
    envelopeText(notification),
    `{
  "Type" : "Notification",
  "MessageId" : "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
  "Subject" : "My First Message",
  "Message" : "Hello \\"world\\"\\n!",
  "Timestamp" : "2012-05-02T00:54:06.655Z",
  "SignatureVersion" : "1",
  "Signature" : "EXAMPLE",
  "SigningCertURL" : "http://localhost/x.pem",
  "UnsubscribeURL" : "http://localhost/?Action=Unsubscribe",
  "MessageAttributes" : {
    "color" : {"Type":"String","Value":"blue"},
    "size" : {"Type":"Number","Value":"5"}
  }
}`,
  );
  assert.deepEqual(JSON.parse(envelopeText(notification)), notification);
});

test("a function's event has one record, AWS's spelling, and always a subject and attributes", () => {
  const { Subject: _, MessageAttributes: __, ...bare } = notification;
  const event = JSON.parse(lambdaEvent({ ...bare, SignatureVersion: "2" }, "arn:sub")) as Record<
    string,
    unknown[]
  >;
  assert.deepEqual(event["Records"], [
    {
      EventSource: "aws:sns",
      EventVersion: "1.0",
      EventSubscriptionArn: "arn:sub",
      Sns: {
        Type: "Notification",
        MessageId: bare.MessageId,
        TopicArn: bare.TopicArn,
        Subject: null,
        Message: bare.Message,
        Timestamp: bare.Timestamp,
        SignatureVersion: "1",
        Signature: "EXAMPLE",
        SigningCertUrl: "http://localhost/x.pem",
        UnsubscribeUrl: "http://localhost/?Action=Unsubscribe",
        MessageAttributes: {},
      },
    },
  ]);
});

test("mails carry the message and the way out", () => {
  const mail = mailOf(notification);
  assert.equal(mail.subject, "My First Message");
  assert.match(mail.body, /^Hello "world"\n!\n\n--\n.*\nhttp:\/\/localhost\/\?Action=Unsubscribe\n$/);
  const { Subject: _, ...bare } = notification;
  assert.equal(mailOf(bare).subject, "AWS Notification Message");
});

test("what is signed has names and values by turns, and no attributes", () => {
  assert.equal(
    canonicalText(notification),
    'Message\nHello "world"\n!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\nTimestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nNotification\n',
  );
  const { Subject: _, UnsubscribeURL: __, MessageAttributes: ___, ...rest } = notification;
  const confirmation: Envelope = {
    ...rest,
    Type: "SubscriptionConfirmation",
    Token: "t",
    SubscribeURL: "u",
    Message: "m",
  };
  assert.equal(
    canonicalText(confirmation),
    "Message\nm\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubscribeURL\nu\nTimestamp\n2012-05-02T00:54:06.655Z\nToken\nt\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nSubscriptionConfirmation\n",
  );
});

test("signatures of both versions are verified by the key in the certificate", async () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const fromMs = Date.UTC(2026, 10, 21, 12);
  const serial = Buffer.of(0, 0xff, 3);
  const pem = selfSignedCertificate(privateKey, { commonName: "sns.amazonaws.com", serial, fromMs });
  const certificate = new X509Certificate(pem);
  assert.equal(certificate.subject, "CN=sns.amazonaws.com");
  assert.equal(certificate.issuer, certificate.subject);
  assert.equal(certificate.serialNumber, "0100FF03");
  assert.equal(certificate.validFromDate.getTime(), fromMs);
  assert.equal(certificate.validToDate.getUTCFullYear(), 2056);
  assert(certificate.verify(certificate.publicKey), "it is signed by itself");
  const text = canonicalText(notification);
  for (const [version, algorithm] of [
    ["1", "RSA-SHA1"],
    ["2", "RSA-SHA256"],
  ] as const) {
    const signature = Buffer.from(await signatureOf(text, version, privateKey), "base64");
    assert(verify(algorithm, Buffer.from(text), certificate.publicKey, signature), version);
    assert(
      !verify(algorithm, Buffer.from(`${text}x`), certificate.publicKey, signature),
      `${version}: tampered`,
    );
  }
});
