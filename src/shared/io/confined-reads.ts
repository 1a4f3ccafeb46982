// Reads for workers that may not read the log of commands themselves: each gets what is on its own subject, straight from the broker.
import type { Msg } from "nats";

import { isWorkerId } from "../names.ts";
import { afterTokens } from "../subjects.ts";
import type { Broker } from "./broker.ts";
import { READS } from "./reader.ts";

/** Answers until disposed; several schedulers share the work. */
export function serveConfinedReads({ nc, subjects }: Pick<Broker, "nc" | "subjects">): Disposable {
  const { assign, asked, inbox } = subjects;

  function pass(message: Msg): void {
    const [worker = "", read = ""] = afterTokens(message.subject, 2).split(".");
    const query = queryIn(message);
    const { reply } = message;
    if (!isWorkerId(worker) || !isRead(read) || query === undefined || reply === undefined) return;
    // the answer may go nowhere but to whoever asked
    if (!reply.startsWith(`${inbox(worker)}.`)) return;
    const own = { ...query, next_by_subj: assign.to(worker) };
    nc.publish(`${READS[read]}.${assign.stream}`, JSON.stringify(own), { reply });
  }

  const subscription = nc.subscribe(asked, {
    queue: "schedulers",
    callback: (error, message) => {
      if (error === null) pass(message);
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

const isRead = (text: string): text is keyof typeof READS => Object.hasOwn(READS, text);

/** The bounds of a read; whatever else is asked for is left out. */
function queryIn(message: Msg): object | undefined {
  try {
    const { seq, batch, max_bytes } = message.json<Record<string, unknown>>();
    const known = Object.entries({ seq, batch, max_bytes });
    return Object.fromEntries(known.filter(([, value]) => Number.isSafeInteger(value)));
  } catch {
    return undefined;
  }
}
