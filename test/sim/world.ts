// Virtual time: one queue of events, each of which belongs to a host that may be frozen or dead when its instant comes.
//
// Events run one by one, each until nothing more follows from it at once (all microtasks are done): so whatever a host starts while its
// event runs is its own, and a host that dies between two events has been stopped in the middle of an await.
import { createHeap } from "../../src/scheduler/core/heap.ts";

/** What has a life of its own: a process, or the world around them. */
export type Host = {
  readonly name: string;
  alive: boolean;
  /** Its events wait until then. */
  frozenUntil: number;
};

export type Timer = { at: number; order: number; readonly host: Host; act(): void };

export type World = {
  /** Virtual milliseconds since the beginning. */
  readonly now: number;
  /** Events that have happened. */
  readonly events: number;
  /** Whose event runs. */
  readonly current: Host;
  /** The host of everything that happens outside of processes. */
  readonly outside: Host;
  /** What a host threw, and when. */
  readonly failures: { host: string; at: number; error: unknown }[];
  at(instant: number, host: Host, act: () => void): Timer;
  after(ms: number, act: () => void, host?: Host): Timer;
  cancel(timer: Timer): void;
  /** Lets time pass until the instant, or until `isOver` holds after an event. */
  runUntil(instant: number, isOver?: () => boolean): Promise<void>;
};

/** What the clocks of all hosts show at the beginning. */
export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** More than any history needs: something goes round in circles. */
const MAX_EVENTS = 200_000;

export const createHost = (name: string): Host => ({ name, alive: true, frozenUntil: 0 });

export function createWorld(): World {
  const queue = createHeap<Timer>((a, b) => (a.at === b.at ? a.order < b.order : a.at < b.at));
  const outside = createHost("world");
  const failures: World["failures"] = [];
  let now = 0;
  let order = 0;
  let events = 0;
  let current = outside;

  function at(instant: number, host: Host, act: () => void): Timer {
    const timer = { at: Math.max(now, instant), order: (order += 1), host, act };
    queue.put(timer);
    return timer;
  }

  /** The next event that can happen; a frozen host's events are put off, in their order. */
  function take(end: number): Timer | undefined {
    for (let timer = queue.peek(); timer !== undefined && timer.at <= end; timer = queue.peek()) {
      queue.delete(timer);
      const { host } = timer;
      if (host.alive && host.frozenUntil <= timer.at) return timer;
      if (!host.alive) continue;
      timer.at = host.frozenUntil;
      timer.order = order += 1;
      queue.put(timer);
    }
    return undefined;
  }

  function happen(timer: Timer): void {
    now = timer.at;
    events += 1;
    current = timer.host;
    try {
      timer.act();
    } catch (error) {
      failures.push({ host: current.name, at: now, error });
    }
  }

  return {
    get now() {
      return now;
    },
    get events() {
      return events;
    },
    get current() {
      return current;
    },
    outside,
    failures,
    at,
    after: (ms, act, host = current) => at(now + ms, host, act),
    cancel: (timer) => queue.delete(timer),
    runUntil(instant, isOver = () => false) {
      return new Promise((resolve, reject) => {
        function step(): void {
          current = outside;
          if (events > MAX_EVENTS) return reject(new Error(`No end after ${MAX_EVENTS} events.`));
          if (isOver()) return resolve();
          const timer = take(instant);
          if (timer === undefined) {
            now = Math.max(now, instant);
            return resolve();
          }
          happen(timer);
          queueMicrotask(settled);
        }
        // A tick comes after all microtasks, also those that microtasks make.
        const settled = (): void => process.nextTick(step);
        process.nextTick(step);
      });
    },
  };
}
