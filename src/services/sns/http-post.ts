/**
 * One POST to a subscriber's endpoint. Redirections are answers like others: a message goes where its subscriber said.
 * Credentials in the address are sent as basic authorisation.
 */

export interface PostOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Answers the status. Rejects when there is none: no connection, no answer, aborted. */
export type HttpPost = (order: PostOrder) => Promise<number>;

export const httpPost: HttpPost = async ({ url: given, headers, body, signal }) => {
  const url = new URL(given);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, ...(username !== "" && { authorization }) },
    body,
    redirect: "manual",
    signal,
  });
  await response.body?.cancel(); // what it says is of no use to us
  return response.status;
};
