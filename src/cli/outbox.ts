/** `lambdad outbox`: e-mails and texts that a running lambdad has sent, had there been anybody to carry them. */
import type { OutboxMail } from "../gateway/admin-outbox.ts";
import type { Client } from "./client.ts";
import { bold, dim, note, print, printable } from "./output.ts";

export async function outbox(
  client: Client,
  { json = false, to }: { readonly json?: boolean; readonly to?: string },
): Promise<void> {
  const answer = await client.send({ service: "lambda", method: "GET", path: "/_lambdad/outbox" });
  const { mails } = JSON.parse(Buffer.from(answer.body).toString()) as { mails: OutboxMail[] };
  const wanted = mails.filter((mail) => to === undefined || mail.to === to);
  if (json) {
    for (const mail of wanted) print(JSON.stringify(mail));
    return;
  }
  if (wanted.length === 0) return note(dim("no e-mails or texts"));
  for (const mail of wanted) show(mail);
}

function show({ atMs, kind, to, from, subject, body }: OutboxMail): void {
  const place = `${kind} to ${printable(to)}`;
  const topic = from === undefined ? "" : ` from ${from.split(":").at(-1) ?? from}`;
  print(`${bold(printable(subject ?? kind))}  ${dim(`${new Date(atMs).toISOString()} ${place}${topic}`)}`);
  for (const line of printable(body).trimEnd().split("\n")) print(`  ${line}`);
  print();
}
