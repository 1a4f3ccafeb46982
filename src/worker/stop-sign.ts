// The wish that something shall end, and why. Its AbortSignal is made only for who asks: it would cost more than all else in a short run.
import { Roster } from "../shared/roster.ts";
import { onAbort } from "./on-abort.ts";

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };

export class StopSign<Reason> {
  #reason: Reason | undefined;
  #controller: AbortController | undefined;
  readonly #acts = new Roster<() => void>();
  #isRaised = false;

  /** A sign that is raised when the signal aborts. */
  static of(signal: AbortSignal): StopSign<unknown> {
    const sign = new StopSign<unknown>();
    onAbort(signal, () => sign.raise(signal.reason));
    return sign;
  }

  get isRaised(): boolean {
    return this.#isRaised;
  }

  get reason(): Reason | undefined {
    return this.#reason;
  }

  /** Aborts with the reason. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isRaised) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Only the first time counts. */
  raise(reason: Reason): void {
    if (this.#isRaised) return;
    this.#isRaised = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (let act = this.#acts.take(); act !== undefined; act = this.#acts.take()) act();
  }

  /** Calls `act` when the sign is raised, at once if it is; no more once disposed. */
  onRaised(act: () => void): Disposable {
    if (!this.#isRaised) return this.#acts.add(act);
    act();
    return NOTHING;
  }
}
