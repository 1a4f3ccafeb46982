// The connection of one host with the broker: ordered both ways, slow, cut, lost and made again.
//
// What was sent over a connection that broke may arrive in part, not at all, or long after the next one was made.
import type { Random } from "./random.ts";
import type { Host, World } from "./world.ts";

export type Weather = {
  /** Longest way of a message in one direction, in milliseconds. */
  maxDelayMs: number;
};

export type Direction = "out" | "in";

export type Connection = {
  readonly host: Host;
  isUp(): boolean;
  /** Rises with each reconnect: what belongs to an older one is over. */
  readonly generation: number;
  /** Acts at the broker. */
  toBroker(act: () => void): void;
  /** Acts at the host, if the connection lives until then. */
  toHost(act: () => void): void;
  onUp(listener: () => void): Disposable;
  onDown(listener: () => void): Disposable;
  /** Holds up what goes in these directions until healed; the client will notice if nothing comes back for long. */
  cut(directions: readonly Direction[]): void;
  heal(): void;
  /** The client notices that it is cut off. */
  lose(): void;
  /** The host is dead: nobody takes anything any more. */
  close(): void;
};

type Line = { freeAt: number; held: (() => void)[] | undefined };

/** The client asks every 3 s whether the broker is there and gives up after two answers that did not come. */
const NOTICE_MS = { min: 6_000, max: 9_000 };
const RECONNECT_MS = { min: 250, max: 500 };
const LATE_MS = { min: 50, max: 8_000 };

export function createConnection(deps: {
  world: World;
  random: Random;
  host: Host;
  broker: Host;
  weather: Weather;
  /** Something may still arrive that was sent long before. */
  onLate(until: number): void;
}): Connection {
  const { world, random, host, broker, weather, onLate } = deps;
  const lines: Record<Direction, Line> = {
    out: { freeAt: 0, held: undefined },
    in: { freeAt: 0, held: undefined },
  };
  const listeners = { up: new Set<() => void>(), down: new Set<() => void>() };
  /** What becomes of the messages of broken connections: those arriving after `until` are lost, the others come `late`. */
  const fates = new Map<number, { until: number; lateMs: number }>();
  let generation = 1;
  let up = true;

  const isCut = () => lines.out.held !== undefined || lines.in.held !== undefined;
  const isReachable = () => !isCut() && broker.frozenUntil <= world.now;

  function arrival(line: Line): number {
    line.freeAt = Math.max(line.freeAt, world.now + random.between(0.1, weather.maxDelayMs));
    return line.freeAt;
  }

  function send(line: Line, target: Host, act: () => void): void {
    if (line.held) line.held.push(act);
    else world.at(arrival(line), target, act);
  }

  /** At the broker: whether a message of that connection still counts. */
  function arrive(sentIn: number, act: () => void): void {
    const fate = fates.get(sentIn);
    if (fate === undefined) return act();
    if (world.now > fate.until) return;
    if (fate.lateMs === 0) act();
    else {
      world.after(fate.lateMs, act, broker);
      onLate(world.now + fate.lateMs);
    }
  }

  function tell(kind: "up" | "down"): void {
    for (const listener of listeners[kind]) listener();
  }

  function lose(): void {
    if (!up || !host.alive) return;
    up = false;
    fates.set(generation, chooseFate());
    generation += 1;
    for (const line of Object.values(lines)) line.freeAt = 0;
    world.after(
      0,
      () => {
        tell("down");
        dial();
      },
      host,
    );
  }

  function chooseFate(): { until: number; lateMs: number } {
    const until = random.pick([
      world.now,
      world.now + random.between(0, weather.maxDelayMs),
      Infinity,
    ]);
    return { until, lateMs: random.chance(0.3) ? random.between(LATE_MS.min, LATE_MS.max) : 0 };
  }

  function dial(): void {
    world.after(
      random.between(RECONNECT_MS.min, RECONNECT_MS.max),
      () => {
        if (!isReachable()) return dial();
        up = true;
        tell("up");
      },
      host,
    );
  }

  const registered = (kind: "up" | "down", listener: () => void): Disposable => {
    listeners[kind].add(listener);
    return { [Symbol.dispose]: () => void listeners[kind].delete(listener) };
  };

  return {
    host,
    get generation() {
      return generation;
    },
    isUp: () => up && host.alive,
    toBroker(act) {
      if (!up || !host.alive) return;
      const sentIn = generation;
      send(lines.out, broker, () => arrive(sentIn, act));
    },
    toHost(act) {
      if (!up || !host.alive) return;
      const sentIn = generation;
      send(lines.in, host, () => {
        if (sentIn === generation && up) act();
      });
    },
    onUp: (listener) => registered("up", listener),
    onDown: (listener) => registered("down", listener),
    cut(directions) {
      for (const direction of directions) lines[direction].held ??= [];
      const cutIn = generation;
      world.after(
        random.between(NOTICE_MS.min, NOTICE_MS.max),
        () => {
          if (!isReachable() && generation === cutIn) lose();
        },
        host,
      );
    },
    heal() {
      const { out, in: inward } = lines;
      const held = { out: out.held ?? [], in: inward.held ?? [] };
      out.held = undefined;
      inward.held = undefined;
      for (const act of held.out) send(out, broker, act);
      for (const act of held.in) send(inward, host, act);
    },
    lose,
    close() {
      if (up) fates.set(generation, chooseFate());
      up = false;
    },
  };
}
