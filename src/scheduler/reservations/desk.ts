// What callers do with reservations: wait for one, look at it, put off its end, and give it back.
import { durationMs, formatDuration } from "../../shared/durations.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/io/clock.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { JobStore } from "../../shared/io/job-store.ts";
import { newJob } from "../../shared/job-machine.ts";
import type { ReservationRequest, Tenure } from "../../shared/reservation.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Caller } from "../auth/caller.ts";
import type { Board } from "../core/board.ts";
import { awaitGrant, type GrantDeps } from "./grant.ts";

export type ReservationView = {
  id: string;
  owner: string;
  state: "waiting" | "held" | "over";
  worker?: string;
  slots: number;
  /** Epoch ms. */
  expiresAt: number;
  /** Unfinished jobs that run, or are to run, in it. */
  jobs: string[];
};

export type ReservationDesk = {
  /**
   * Waits for a worker as long as the request says; whoever gives up meanwhile, by the signal, leaves nothing behind.
   * Throws `workers_busy`, `reservation_unmatched`.
   */
  reserve(
    request: ReservationRequest,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<ReservationView>;
  list(caller: Caller): ReservationView[];
  /** Throws `not_found`, also for what belongs to others. */
  read(id: string, caller: Caller): Promise<ReservationView>;
  /** Good for `ttlMs` from now on; default: as long as it was asked for. Throws `not_found`, `reservation_over`. */
  renew(id: string, caller: Caller, ttlMs: number | undefined): Promise<ReservationView>;
  release(id: string, caller: Caller): Promise<void>;
  /** Throws `not_found` or `reservation_over` unless the caller may run jobs of so many slots in it. */
  requireUse(id: string, caller: Caller, slots: number): Promise<void>;
};

export type DeskDeps = GrantDeps & {
  view: Pick<Board, "get" | "why" | "watch" | "within">;
  store: Pick<JobStore, "create" | "requestCancel">;
  tenures: ConfigStore<Tenure>;
  shelf: { entries(): Revised<Tenure>[] };
  clock: Clock;
  newJobId(): string;
};

/** Time for the leader to place it, beside what the caller waits for a worker. */
const SLACK_MS = 30_000;

export function createReservationDesk(deps: DeskDeps): ReservationDesk {
  const { view, store, tenures, shelf, clock, newJobId } = deps;

  function viewOf({ name: id, value }: Revised<Tenure>): ReservationView {
    const { owner, slots, expiresAt } = value;
    const job = view.get(id);
    const worker = job?.state === "running" ? job.worker : undefined;
    const state = worker !== undefined ? "held" : job?.state === "queued" ? "waiting" : "over";
    const jobs = view.within(id);
    return {
      id,
      owner,
      state,
      ...(worker === undefined ? {} : { worker }),
      slots,
      expiresAt,
      jobs,
    };
  }

  async function find(id: string, caller: Caller): Promise<Revised<Tenure>> {
    const found = await tenures.read(id);
    if (found !== undefined && isFor(found.value, caller)) return found;
    throw new MillraceError("not_found", `There is no reservation ${id} of yours.`);
  }

  async function end(id: string, actor: string, reason: string): Promise<void> {
    await store.requestCancel(id, { v: 1, at: clock.now(), actor, reason });
  }

  async function renewFrom(found: Revised<Tenure>, ttlMs: number): Promise<Revised<Tenure>> {
    const value = { ...found.value, expiresAt: clock.now() + ttlMs };
    const { name } = found;
    return { name, value, revision: await tenures.put(name, value, found.revision) };
  }

  return {
    async reserve(request, caller, signal) {
      const id = newJobId();
      const now = clock.now();
      const waits = {
        busyMs: durationMs(request.waitBusy),
        noMatchMs: durationMs(request.waitNoMatch),
      };
      const longestMs = Math.max(waits.busyMs, waits.noMatchMs) + SLACK_MS;
      const ttlMs = durationMs(request.ttl);
      const { name: owner, namespace } = caller;
      const own = namespace === undefined ? {} : { namespace };
      const expiresAt = now + longestMs + ttlMs;
      const tenure: Tenure = { v: 1, owner, ...own, slots: request.slots, ttlMs, expiresAt };
      const revision = await tenures.put(id, tenure, 0);
      const spec = specOf(request, longestMs);
      const origin = { holds: true as const, ...own };
      await store.create(newJob(id, spec, now, { actor: owner, origin }));
      try {
        await awaitGrant(deps, id, waits, signal);
        return viewOf(await renewFrom({ name: id, value: tenure, revision }, ttlMs));
      } catch (error) {
        await end(id, owner, "Nobody waits for it any more.");
        throw error;
      }
    },
    list: (caller) =>
      shelf
        .entries()
        .filter(({ value }) => isFor(value, caller))
        .map(viewOf),
    read: async (id, caller) => viewOf(await find(id, caller)),
    async renew(id, caller, ttlMs) {
      const found = await find(id, caller);
      requireLive(viewOf(found));
      return viewOf(await renewFrom(found, ttlMs ?? found.value.ttlMs));
    },
    async release(id, caller) {
      await find(id, caller);
      await end(id, caller.name, "It was given back.");
    },
    async requireUse(id, caller, slots) {
      const found = await find(id, caller);
      requireLive(viewOf(found));
      if (slots <= found.value.slots) return;
      throw new MillraceError(
        "invalid_spec",
        `slots: reservation ${id} has only ${found.value.slots}.`,
        { field: "slots" },
      );
    },
  };
}

function specOf(request: ReservationRequest, longestMs: number): JobSpec {
  const { require, prefer, worker, queue, priority, slots } = request;
  return {
    slots,
    ...(require === undefined ? {} : { require }),
    ...(prefer === undefined ? {} : { prefer }),
    ...(worker === undefined ? {} : { worker }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    startWithin: formatDuration(longestMs),
    onWorkerLost: "fail",
    retention: "1h",
  };
}

/** Its owner and whoever looks after the workers; where nobody says who they are, everybody. */
function isFor({ owner, namespace }: Tenure, caller: Caller): boolean {
  if (caller.by === "open") return true;
  if (caller.namespace !== undefined && caller.namespace !== namespace) return false;
  return caller.scopes.has("workers:admin") || caller.name === owner;
}

function requireLive({ id, state }: ReservationView): void {
  if (state !== "over") return;
  throw new MillraceError("reservation_over", `Reservation ${id} is over; make another one.`);
}
