// Stops an attempt whose job must not run on while its worker is cut off from the broker.
import { durationMs } from "../shared/durations.ts";
import type { Clock } from "../shared/io/clock.ts";
import { startTimer } from "./command/long-timer.ts";
import type { Holding } from "./holding.ts";
import type { Standing } from "./standing.ts";

/** Stops the attempt as `disconnected` once the last stored heartbeat is `stopOnDisconnect` old; disposing ends the watch. */
export function guardConnection(holding: Holding, standing: Standing, clock: Clock): Disposable {
  const { stopOnDisconnect } = holding.assignment.record.spec;
  if (stopOnDisconnect === undefined) return { [Symbol.dispose]: () => undefined };
  const limitMs = durationMs(stopOnDisconnect);
  const begunAt = clock.mono();
  let timer: Disposable;

  function check(): void {
    const leftMs = (standing.confirmedAt ?? begunAt) + limitMs - clock.mono();
    if (leftMs <= 0) holding.stop("disconnected");
    else timer = startTimer(leftMs, check);
  }

  check();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
