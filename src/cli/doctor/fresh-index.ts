// Builds the scheduler's whole index anew from what the broker holds, as a scheduler does when it starts.
import { createReplica } from "../../scheduler/replica.ts";
import type { Board } from "../../scheduler/core/board.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { pause } from "../../shared/io/lifecycle.ts";

export type FreshIndex = AsyncDisposable & {
  readonly board: Board;
  /** Agrees with the broker's clock, so that the age of a heartbeat is right on a host whose own clock is not. */
  readonly clock: Clock;
  /** Resolves when it knows everything that the broker holds now. */
  caughtUp(): Promise<void>;
};

const LOOK_MS = 20;
const PATIENCE_MS = 120_000;

/** Throws `broker_unavailable` when the records cannot all be read. It follows the broker until disposed. */
export async function openFreshIndex(broker: Broker, clockAheadMs: number): Promise<FreshIndex> {
  const clock: Clock = {
    now: () => broker.clock.now() + clockAheadMs,
    mono: broker.clock.mono,
  };
  const replica = createReplica({ broker: { ...broker, clock } });
  const stop = new AbortController();
  const running = replica.run(stop.signal);

  async function close(): Promise<void> {
    stop.abort();
    await running;
  }

  async function warm(): Promise<void> {
    const giveUpAt = clock.mono() + PATIENCE_MS;
    while (!replica.isWarm() && clock.mono() < giveUpAt) await pause(LOOK_MS);
  }

  await Promise.race([running, warm()]);
  if (!replica.isWarm()) {
    await close();
    throw new MillraceError(
      "broker_unavailable",
      `The records could not be read within ${PATIENCE_MS / 1_000} s; is the broker well?`,
    );
  }
  return {
    board: replica.board,
    clock,
    caughtUp: replica.caughtUp,
    [Symbol.asyncDispose]: close,
  };
}
