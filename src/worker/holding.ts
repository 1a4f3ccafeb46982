// An attempt that this worker holds: from taking its assignment until its end is in the record.
import { durationMs } from "../shared/durations.ts";
import type { Assignment, HeldAttempt, Progress } from "../shared/messages.ts";
import { StopSign } from "./stop-sign.ts";
import type { StopReason } from "./verdict.ts";

export class Holding {
  readonly assignment: Assignment;
  /** Epoch milliseconds: when it was taken, later when it was started. */
  startedAt: number;
  progress: Progress | undefined;
  /** Raised when the run shall end. */
  readonly stopping = new StopSign<StopReason>();
  #isSuperseded = false;
  #whenSuperseded: (() => void) | undefined;

  constructor(assignment: Assignment, takenAt: number) {
    this.assignment = assignment;
    this.startedAt = takenAt;
  }

  /** True when nothing of the attempt matters any more. */
  get isSuperseded(): boolean {
    return this.#isSuperseded;
  }

  /** Calls `act`, the only one there is, when the attempt is superseded, at once if it is; no more once disposed. */
  onSuperseded(act: () => void): Disposable {
    if (this.#isSuperseded) act();
    this.#whenSuperseded = act;
    return { [Symbol.dispose]: () => (this.#whenSuperseded = undefined) };
  }

  /** The reason that counts in the end: the first one, but superseded beats every other. */
  get stopReason(): StopReason | undefined {
    return this.#isSuperseded ? "superseded" : this.stopping.reason;
  }

  stop(why: StopReason): void {
    if (why === "superseded" && !this.#isSuperseded) {
      this.#isSuperseded = true;
      this.#whenSuperseded?.();
    }
    this.stopping.raise(why);
  }

  /** How long the attempt may run on without the broker, in milliseconds; undefined: for ever. */
  get disconnectMs(): number | undefined {
    const { stopOnDisconnect } = this.assignment.record.spec;
    return stopOnDisconnect === undefined ? undefined : durationMs(stopOnDisconnect);
  }

  toHeld(): HeldAttempt {
    const { record, attempt } = this.assignment;
    return {
      job: record.id,
      attempt,
      startedAt: this.startedAt,
      ...(this.progress === undefined ? {} : { progress: this.progress }),
    };
  }
}
