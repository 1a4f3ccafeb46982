// Tells workers that show no sign of an assignment to look for it: its push may have been lost.
import { hasCode } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import { every } from "../shared/io/lifecycle.ts";
import type { Log } from "../shared/io/log.ts";
import type { ControlRequest } from "../shared/messages.ts";
import type { Board } from "./core/board.ts";

/** One is told after two looks at the latest, and again at each that follows until there is a sign. */
const LOOK_MS = 1_000;
const ANSWER_MS = 1_500;
const REQUEST = JSON.stringify({ type: "catch_up" } satisfies ControlRequest);

/** Looks until the signal aborts. So no worker has to ask by itself, which at a thousand workers would cost more than their heartbeats. */
export function keepReminding(
  deps: { board: Pick<Board, "unheard">; broker: Broker; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const { board, broker, log } = deps;

  async function remind(worker: string): Promise<void> {
    log.info({ event: "reminded", worker }, "shows no sign of an assignment and is told to look");
    try {
      await broker.request(broker.subjects.control(worker), REQUEST, ANSWER_MS);
    } catch (error) {
      if (!hasCode(error, "worker_unreachable")) throw error;
    }
  }

  return every(LOOK_MS, signal, () => {
    if (!broker.isUp()) return;
    for (const worker of board.unheard())
      remind(worker).catch((error: unknown) =>
        log.error({ event: "remind_failed", worker, error }, "a worker could not be told to look"),
      );
  });
}
