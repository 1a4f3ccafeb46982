// Handlers out of a bundle: exchanged while the worker runs, whenever the bundle's name comes to mean another version.
import { decodeBundleAnswer } from "../../shared/bundle.ts";
import { hasCode } from "../../shared/errors.ts";
import type { Digest } from "../../shared/file.ts";
import type { Handler } from "../../shared/handler.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { aborted, pause, type Service } from "../../shared/io/lifecycle.ts";
import type { Log } from "../../shared/io/log.ts";
import type { BundleCache } from "../files/bundle-cache.ts";
import { loadHandlers } from "./loader.ts";

const RETRY_MS = 1_000;
/** Longer than schedulers hold an ask. */
const ASK_MS = 30_000;

/** Running attempts end with the handler that they began with. A version whose modules are no handlers is passed over. */
export function createBundledHandlers(deps: {
  broker: Pick<Broker, "request" | "subjects">;
  workerId: string;
  /** A bundle's name, as "tools@stable". */
  bundle: string;
  bundles: Pick<BundleCache, "use">;
  /** What the worker runs: its content is replaced. */
  handlers: Map<string, Handler>;
  onChanged(): void;
  log: Log;
}): Service {
  const { broker, workerId, bundle, bundles, handlers, onChanged, log } = deps;
  const subject = `${broker.subjects.ask(workerId)}.bundle`;

  async function ask(have: Digest | undefined): Promise<Digest | undefined> {
    const question = JSON.stringify({ v: 1, bundle, have });
    return decodeBundleAnswer(await broker.request(subject, question, ASK_MS))?.digest;
  }

  async function load(digest: Digest, signal: AbortSignal): Promise<void> {
    // in use for good: a module may import another at any time
    const { path } = await bundles.use(digest, signal);
    const loaded = await loadHandlers(path);
    handlers.clear();
    for (const [name, handler] of loaded) handlers.set(name, handler);
    onChanged();
    log.info({ event: "handlers_loaded", bundle, digest, count: loaded.size }, "handlers loaded");
  }

  async function follow(signal: AbortSignal): Promise<void> {
    let have: Digest | undefined;
    while (!signal.aborted) {
      try {
        const digest = await ask(have);
        if (digest === undefined || digest === have || signal.aborted) continue;
        await load(digest, signal);
        have = digest;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ event: "handlers_not_loaded", bundle, error }, "handlers could not be loaded");
        await pause(hasCode(error, "invalid_config") ? ASK_MS : RETRY_MS, signal);
      }
    }
  }

  return {
    name: "handlers out of a bundle",
    run: (signal) => Promise.race([follow(signal), aborted(signal)]),
  };
}
