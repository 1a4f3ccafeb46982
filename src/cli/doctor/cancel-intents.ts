// Reads the wishes to cancel that stand beside the records.
import type { Broker } from "../../shared/io/broker.ts";
import { textOf } from "../../shared/io/wire.ts";
import { decodeCancel, type CancelIntent } from "../../shared/messages.ts";
import { afterTokens } from "../../shared/subjects.ts";

const SUFFIX = ".cancel";

/** All that stand now, by job. */
export async function readCancels(broker: Broker): Promise<Map<string, CancelIntent>> {
  const { jobs } = broker.subjects;
  const intents = new Map<string, CancelIntent>();
  for (let from = 1, more = true; more;) {
    const range = await broker.range(jobs.stream, { from, subject: jobs.cancel("*") });
    for (const message of range.messages) {
      const job = afterTokens(message.subject, 2).slice(0, -SUFFIX.length);
      const intent = message.removed ? undefined : decodeCancel(textOf(message));
      if (intent !== undefined) intents.set(job, intent);
      from = message.seq + 1;
    }
    more = range.more && range.messages.length > 0;
  }
  return intents;
}
