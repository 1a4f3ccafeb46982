// The wish that something shall end, and why. Its AbortSignal is made only for who asks: it would cost more than all else in a short run.
import { onAbort } from "./on-abort.ts";

export class StopSign<Reason> {
  #reason: Reason | undefined;
  #controller: AbortController | undefined;
  readonly #acts = new Set<() => void>();
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
    for (const act of this.#acts) act();
  }

  /** Calls `act` when the sign is raised, at once if it is; no more once disposed. */
  onRaised(act: () => void): Disposable {
    if (this.#isRaised) act();
    else this.#acts.add(act);
    return { [Symbol.dispose]: () => void this.#acts.delete(act) };
  }
}
