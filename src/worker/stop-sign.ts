// The wish that something shall end, and why. Its AbortSignal is made only for who asks: it would cost more than all else in a short run.
import { onAbort } from "./on-abort.ts";

type Act = { readonly run: () => void; place: number };

export class StopSign<Reason> {
  #reason: Reason | undefined;
  #controller: AbortController | undefined;
  /** An array, for some signs outlive thousands who listen: see TurnoverMap. */
  readonly #acts: Act[] = [];
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
    while (this.#acts.length > 0) this.#acts.pop()!.run();
  }

  /** Calls `run` when the sign is raised, at once if it is; no more once disposed. */
  onRaised(run: () => void): Disposable {
    const act = { run, place: this.#acts.length };
    if (this.#isRaised) run();
    else this.#acts.push(act);
    return { [Symbol.dispose]: () => this.#forget(act) };
  }

  /** The last one takes its place. */
  #forget(act: Act): void {
    if (this.#acts[act.place] !== act) return;
    const last = this.#acts.pop()!;
    if (last === act) return;
    this.#acts[act.place] = last;
    last.place = act.place;
  }
}
