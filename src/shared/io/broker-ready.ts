// Waits until a freshly started nats-server really answers JetStream requests.
import { setTimeout as delay } from "node:timers/promises";
import { connect, type NatsConnection } from "nats";
import { MillraceError } from "../errors.ts";

const RETRY_MS = 25;

/** Version of the server at `url`, as soon as its JetStream answers. Throws `broker_unavailable` after `withinMs`. */
export async function awaitJetStream(
  url: string,
  withinMs = 30_000,
  signal?: AbortSignal,
): Promise<string> {
  const deadline = AbortSignal.timeout(withinMs);
  const ended = signal ? AbortSignal.any([signal, deadline]) : deadline;
  const connection = await connect({
    servers: url,
    reconnect: false,
    timeout: withinMs,
    name: "millrace-ready",
  });
  try {
    while (!(await answers(connection))) {
      signal?.throwIfAborted();
      if (ended.aborted) {
        throw new MillraceError(
          "broker_unavailable",
          `JetStream did not answer at ${url}; look at the server's log`,
        );
      }
      await delay(RETRY_MS);
    }
    return connection.info?.version ?? "";
  } finally {
    await connection.close();
  }
}

async function answers(connection: NatsConnection): Promise<boolean> {
  try {
    const reply = await connection.request("$JS.API.INFO", undefined, { timeout: 1_000 });
    return reply.json<{ error?: unknown }>().error === undefined;
  } catch {
    return false; // no responder yet
  }
}
