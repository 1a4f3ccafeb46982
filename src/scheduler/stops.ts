// Asks workers to stop attempts, again and again until the record says that they are over.
import { hasCode } from "../shared/errors.ts";
import type { Broker } from "../shared/io/broker.ts";
import type { Log } from "../shared/io/log.ts";
import type { ControlRequest } from "../shared/messages.ts";
import type { Stop } from "./core/board.ts";

/** Time between two requests for the same attempt. */
export const REPEAT_MS = 2_000;
const ANSWER_MS = 1_500;

export type Stopper = { ask(stops: readonly Stop[]): void };

export function createStopper(deps: {
  broker: Pick<Broker, "request" | "subjects" | "clock">;
  log: Log;
}): Stopper {
  const { broker, log } = deps;
  let askedAt = new Map<string, number>();

  async function request({ job, attempt, worker, why }: Stop): Promise<void> {
    const message: ControlRequest = { type: "stop", job, attempt, why };
    try {
      await broker.request(broker.subjects.control(worker), JSON.stringify(message), ANSWER_MS);
      log.info({ event: "stop_asked", job, attempt, worker, why }, "the worker was asked to stop");
    } catch (error) {
      if (!hasCode(error, "worker_unreachable")) throw error;
      log.debug(
        { event: "stop_unanswered", job, attempt, worker, error },
        "the worker did not answer",
      );
    }
  }

  return {
    ask(stops) {
      const now = broker.clock.mono();
      const known = askedAt;
      askedAt = new Map();
      for (const stop of stops) {
        const key = `${stop.worker} ${stop.job} ${stop.attempt}`;
        const before = known.get(key) ?? -Infinity;
        const due = now - before >= REPEAT_MS;
        askedAt.set(key, due ? now : before);
        if (due)
          request(stop).catch((error: unknown) =>
            log.error({ event: "stop_failed", error }, "a stop request failed"),
          );
      }
    },
  };
}
