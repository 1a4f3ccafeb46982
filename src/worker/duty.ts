// Whether the worker takes work, and the one request to leave.
import { deferred } from "../shared/io/lifecycle.ts";

export type Duty = {
  readonly cordoned: boolean;
  readonly draining: boolean;
  /** A cordoned worker finishes what it has and is given nothing new. */
  cordon(on: boolean): void;
  /** Asks the worker to leave within this time; only the first request counts. */
  drain(timeoutMs: number): void;
  /** Resolves with the time it has, in milliseconds, once the worker shall leave. */
  readonly leaving: Promise<number>;
};

export function createDuty(onChange: () => void): Duty {
  const leaving = deferred<number>();
  let cordoned = false;
  let draining = false;

  return {
    leaving: leaving.promise,
    get cordoned() {
      return cordoned || draining;
    },
    get draining() {
      return draining;
    },
    cordon(on) {
      if (cordoned === on) return;
      cordoned = on;
      onChange();
    },
    drain(timeoutMs) {
      if (draining) return;
      draining = true;
      onChange();
      leaving.resolve(timeoutMs);
    },
  };
}
