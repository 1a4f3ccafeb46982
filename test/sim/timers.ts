// Puts the world's time in the place of Node's timers, and its randomness in the place of Math.random. Errors go without stacks, which cost
// more than all the rest.
import { setMaxListeners } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";

import type { Random } from "./random.ts";
import type { Timer, World } from "./world.ts";

type Act = (...values: unknown[]) => void;

/** As much of a NodeJS.Timeout as the product uses. */
type Handle = { timer: Timer; refresh(): Handle; ref(): Handle; unref(): Handle };

const LEAST_MS = 1;
const real = {
  globals: {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    clearImmediate: globalThis.clearImmediate,
  },
  signals: { timeout: AbortSignal.timeout, any: AbortSignal.any },
  random: Math.random,
  sleep: timersPromises.setTimeout,
  stackTraceLimit: Error.stackTraceLimit,
};

/** The world whose time it is. */
let current: World | undefined;

// Named imports of a builtin follow a change of its exports only when told, which takes long: so it is told once.
Object.assign(timersPromises, {
  setTimeout: (ms: number, value: unknown, options?: { signal?: AbortSignal }) =>
    current === undefined
      ? real.sleep(ms, value, options)
      : sleep(current, ms, value, options?.signal),
});
syncBuiltinESMExports();

/** Real time is back when it is disposed. One world at a time. */
export function installTime(world: World, random: Random): Disposable {
  current = world;
  Object.assign(globalThis, {
    setTimeout: (act: Act, ms?: number, ...values: unknown[]) => start(world, act, ms, values),
    clearTimeout: (handle?: Handle) => stop(world, handle),
    setInterval: (act: Act, ms?: number, ...values: unknown[]) => repeat(world, act, ms, values),
    clearInterval: (handle?: Handle) => stop(world, handle),
    setImmediate: (act: Act, ...values: unknown[]) =>
      handleOf(world, () => world.after(0, () => act(...values))),
    clearImmediate: (handle?: Handle) => stop(world, handle),
  });
  Object.assign(AbortSignal, { any, timeout: (ms: number) => timeout(world, ms) });
  Object.assign(Math, { random: random.next });
  Error.stackTraceLimit = 0;
  return {
    [Symbol.dispose]() {
      current = undefined;
      Object.assign(globalThis, real.globals);
      Object.assign(AbortSignal, real.signals);
      Object.assign(Math, { random: real.random });
      Error.stackTraceLimit = real.stackTraceLimit;
    },
  };
}

function handleOf(world: World, begin: () => Timer): Handle {
  const handle: Handle = {
    timer: begin(),
    refresh() {
      world.cancel(handle.timer);
      handle.timer = begin();
      return handle;
    },
    ref: () => handle,
    unref: () => handle,
  };
  return handle;
}

function start(world: World, act: Act, ms = 0, values: unknown[] = []): Handle {
  return handleOf(world, () => world.after(Math.max(LEAST_MS, ms || 0), () => act(...values)));
}

function repeat(world: World, act: Act, ms = 0, values: unknown[] = []): Handle {
  const again = (): void => {
    handle.refresh();
    act(...values);
  };
  const handle = start(world, again, ms);
  return handle;
}

function stop(world: World, handle: Handle | undefined): void {
  if (handle !== undefined) world.cancel(handle.timer);
}

function sleep(world: World, ms: number, value: unknown, signal?: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(stopped(signal));
    const handle = start(
      world,
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve(value);
      },
      ms,
    );
    function onAbort(): void {
      stop(world, handle);
      reject(stopped(signal as AbortSignal));
    }
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function timeout(world: World, ms: number): AbortSignal {
  const controller = new AbortController();
  start(world, () => controller.abort(new DOMException("The time is up.", "TimeoutError")), ms);
  return controller.signal;
}

/** Node's own remembers every such signal that somebody listens to until it aborts: whole worlds, after their end. */
function any(signals: Iterable<AbortSignal>): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else {
      setMaxListeners(0, signal);
      signal.addEventListener("abort", onAbort, { once: true });
    }
  }
  return controller.signal;
}

const stopped = (signal: AbortSignal): DOMException =>
  new DOMException("The wait was called off.", { name: "AbortError", cause: signal.reason });
