// The leader's duty to fire schedules: each is attended to when it is due, when it changes, and when a run that it waits for ends.
import { createBell, type Bell } from "../bell.ts";
import { createHeap } from "../core/heap.ts";
import type { Duty } from "../duties.ts";
import { createLine, type Line, type LineDeps } from "./line.ts";

export type ScheduleDutyDeps = LineDeps & {
  /** Resolves when the shelves and the index of jobs are up to date. */
  caughtUp(): Promise<void>;
  /** Calls back with the id of each job or group that ends, until disposed. */
  onEnd(listener: (id: string) => void): Disposable;
};

type Seat = {
  name: string;
  line: Line;
  /** Epoch ms. */
  at: number;
  awaited: readonly string[];
  /** Being attended to; `rung`: and something happened meanwhile. */
  busy: boolean;
  rung: boolean;
};

/** Schedules attended to at once. */
const AT_ONCE = 32;
const RETRY_MS = 1_000;
/** The clock on the wall may have been set: no sleep is longer. */
const LONGEST_SLEEP_MS = 5_000;

export function createScheduleDuty(deps: ScheduleDutyDeps): Duty {
  return {
    name: "schedules",
    async run(signal) {
      await deps.caughtUp();
      using bell = createBell(signal);
      const seats = createSeats(deps, bell);
      const { schedules, states, calendars, pauses } = deps.shelves;
      const ringAll = (): void => {
        for (const { name } of schedules.entries()) seats.ring(name);
      };
      using _schedules = schedules.watch(seats.ring);
      using _states = states.watch(seats.ring);
      using _calendars = calendars.watch(ringAll);
      using _pauses = pauses.watch(ringAll);
      using _ends = deps.onEnd(seats.ended);
      ringAll();
      await seats.run(signal);
    },
  };
}

function createSeats(deps: LineDeps, bell: Bell) {
  const { clock, log } = deps;
  const seats = new Map<string, Seat>();
  const due = createHeap<Seat>((a, b) => a.at < b.at);
  /** Whom the end of a run concerns. */
  const waiters = new Map<string, Seat>();
  const underWay = new Set<Promise<void>>();

  function seatOf(name: string): Seat {
    const seat = seats.get(name) ?? {
      name,
      line: createLine(name, deps),
      at: 0,
      awaited: [],
      busy: false,
      rung: false,
    };
    seats.set(name, seat);
    return seat;
  }

  function ring(name: string): void {
    const seat = seatOf(name);
    if (seat.busy) seat.rung = true;
    else schedule(seat, 0);
  }

  function schedule(seat: Seat, at: number | undefined): void {
    due.delete(seat);
    seat.at = at ?? Infinity;
    if (at !== undefined) due.put(seat);
    bell.ring();
  }

  async function attend(seat: Seat, signal: AbortSignal): Promise<void> {
    seat.busy = true;
    seat.rung = false;
    let next: number | undefined;
    try {
      next = await seat.line.attend(signal);
    } catch (error) {
      next = clock.now() + RETRY_MS;
      log.warn(
        { event: "schedule_failed", schedule: seat.name, error },
        "a schedule could not be attended to; it is tried again",
      );
    }
    seat.busy = false;
    // a run may have ended before its end was listened for: then it is looked at once more
    if (expect(seat, seat.line.awaited())) seat.rung = true;
    if (deps.shelves.schedules.get(seat.name) === undefined && !seat.rung) seats.delete(seat.name);
    else schedule(seat, seat.rung ? 0 : next);
  }

  /** Has the ends of these runs ring; true when one of them did not before. */
  function expect(seat: Seat, ids: readonly string[]): boolean {
    const isNew = ids.some((id) => !waiters.has(id));
    for (const id of seat.awaited) waiters.delete(id);
    for (const id of ids) waiters.set(id, seat);
    seat.awaited = ids;
    return isNew;
  }

  function beginDue(signal: AbortSignal): void {
    for (let seat = due.peek(); seat !== undefined; seat = due.peek()) {
      if (seat.at > clock.now() || underWay.size >= AT_ONCE) return;
      due.delete(seat);
      const run = attend(seat, signal).finally(() => underWay.delete(run));
      underWay.add(run);
    }
  }

  return {
    ring,
    ended(id: string): void {
      const seat = waiters.get(id);
      if (seat !== undefined) ring(seat.name);
    },
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        beginDue(signal);
        const wait = (due.peek()?.at ?? Infinity) - clock.now();
        await bell.wait(Math.min(LONGEST_SLEEP_MS, Math.max(1, wait)));
      }
      await Promise.all(underWay);
    },
  };
}
