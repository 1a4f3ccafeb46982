// Tells workers which digest a bundle's name stands for, and when that changes.
import { decodeBundleAsk, parseReference, versionOf, type Bundle } from "../../shared/bundle.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { deferred } from "../../shared/io/lifecycle.ts";
import type { Shelf } from "../config-book.ts";

const HOLD_MS = 20_000;
const MOST_HELD = 10_000;

/** An ask for what the asker has already is held until it changes, for 20 s at most. */
export function serveBundleAsks(deps: {
  broker: Pick<Broker, "serve" | "subjects">;
  shelf: Pick<Shelf<Bundle>, "get" | "watch">;
}): Disposable {
  const { broker, shelf } = deps;
  let held = 0;

  function digestOf(bundle: string): string | undefined {
    const { name, selector } = parseReference(bundle);
    const found = shelf.get(name);
    return found && versionOf(found.value, selector)?.digest;
  }

  async function changed(bundle: string, have: string | undefined): Promise<void> {
    const change = deferred<void>();
    using _watch = shelf.watch(() => {
      if (digestOf(bundle) !== have) change.resolve();
    });
    const timer = setTimeout(change.resolve, HOLD_MS);
    held += 1;
    await change.promise;
    held -= 1;
    clearTimeout(timer);
  }

  async function answer(text: string): Promise<string> {
    const ask = decodeBundleAsk(text);
    if (ask === undefined) return JSON.stringify({ v: 1 });
    if (digestOf(ask.bundle) === ask.have && held < MOST_HELD) await changed(ask.bundle, ask.have);
    return JSON.stringify({ v: 1, digest: digestOf(ask.bundle) });
  }

  // a queue of its own: whoever serves the other asks is in "schedulers"
  return broker.serve(broker.subjects.askedBundles, answer, "bundle-answers");
}
