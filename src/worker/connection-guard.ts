// Stops an attempt whose job must not run on while its worker is cut off from the broker.
import type { Clock } from "../shared/io/clock.ts";
import { startTimer } from "./command/long-timer.ts";
import type { Holding } from "./holding.ts";
import type { Standing } from "./standing.ts";

/** Stops the attempt as `disconnected` `stopOnDisconnect` after the last stored heartbeat, or its start; disposing ends the watch. */
export function guardConnection(holding: Holding, standing: Standing, clock: Clock): Disposable {
  const { disconnectMs: limitMs = Infinity } = holding;
  if (limitMs === Infinity) return { [Symbol.dispose]: () => undefined };
  const begunAt = clock.mono();
  let timer: Disposable;

  function check(): void {
    const heardAt = Math.max(begunAt, standing.confirmedAt ?? 0);
    const leftMs = heardAt + limitMs - clock.mono();
    if (leftMs <= 0) holding.stop("disconnected");
    else timer = startTimer(leftMs, check);
  }

  check();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
