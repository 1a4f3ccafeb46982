// What a scheduler does while it leads: turns the board's decisions into assignments, endings and stop requests.
//
// A fact wakes it; what arrives meanwhile is decided on together. Timers stand only for the next due instant, and a slow sweep for safety.
import type { Broker } from "../shared/io/broker.ts";
import { aborted } from "../shared/io/lifecycle.ts";
import type { JobStore } from "../shared/io/job-store.ts";
import { silentLog, type Log } from "../shared/io/log.ts";
import type { LeaderLease } from "../shared/messages.ts";
import { createAssignLog } from "./assign-log.ts";
import { createBell } from "./bell.ts";
import { createDispatch } from "./dispatch.ts";
import { runDuties, type Duty } from "./duties.ts";
import { keepReminding } from "./reminder.ts";
import type { Replica } from "./replica.ts";
import { createSettler } from "./settle.ts";
import { createStopper } from "./stops.ts";

export type LeaderOptions = {
  broker: Broker;
  replica: Replica;
  store: JobStore;
  /** What else is done while leading. */
  duties?: readonly Duty[];
  log?: Log;
  /** Counts what was placed. */
  onPlaced?: (count: number) => void;
};

const SWEEP_MS = 1_000;
const PER_TICK = 512;
/** Placements under way: one job for each of many workers needs as many messages, and waiting for some before the rest costs everybody more. On several replicas a pipelined append is refused more often than stored. */
const WINDOW = { single: PER_TICK, replicated: 1 };

/** Leads under the lease until the signal aborts. Throws when the log cannot be had. */
export async function lead(
  options: LeaderOptions,
  lease: LeaderLease,
  signal: AbortSignal,
  isTrusted: () => boolean,
): Promise<void> {
  const { broker, replica, store, duties = [], log: parentLog = silentLog, onPlaced } = options;
  const { epoch } = lease;
  const { board, bodies } = replica;
  const { clock } = broker;
  const log = parentLog.child({ epoch });
  using bell = createBell(signal);
  const ring = () => bell.ring();
  let listeningSince = clock.mono();

  const { replicas } = await broker.streamState(broker.subjects.assign.stream);
  const assignments = createAssignLog(broker, epoch, replicas);
  const dispatch = createDispatch({
    board,
    bodies,
    log: assignments,
    epoch,
    maxBytes: broker.maxPayload,
    window: replicas > 1 ? WINDOW.replicated : WINDOW.single,
    now: clock.now,
    signal,
    onRoom: ring,
  });
  const settler = createSettler({ store, clock, log, random: Math.random, onDone: ring });
  const stopper = createStopper({ broker, log });

  await assignments.fence(signal);
  await replica.caughtUp();
  log.info({ event: "placing" }, "places jobs");

  function place(): void {
    if (!dispatch.hasRoom()) return;
    const placements = board.place(clock.now(), clock.mono(), PER_TICK);
    if (placements.length === 0) return;
    onPlaced?.(placements.length);
    for (const { job, attempt, worker } of placements)
      log.debug({ event: "placed", job, attempt, worker }, "placed");
    dispatch
      .send(placements)
      .catch((error: unknown) =>
        log.error({ event: "dispatch_failed", error }, "placements could not be sent"),
      );
  }

  function tick(): void {
    // who stood still must not judge by what it did not hear meanwhile
    if (signal.aborted || !broker.isUp() || !isTrusted()) return;
    place();
    settler.settle(board.settlements(clock.now()));
    settler.settleLosses(board.lost(clock.mono(), listeningSince));
    settler.clearCancels(board.leftovers());
    stopper.ask(board.stops());
  }

  /** Ms until something is due by itself. */
  function untilDue(): number {
    const due = board.nextDueAt();
    const instants = [
      due === undefined ? SWEEP_MS : due - clock.now(),
      board.nextSilenceAt() - clock.mono(),
      SWEEP_MS,
    ];
    return Math.max(1, Math.min(...instants));
  }

  async function work(): Promise<void> {
    while (!signal.aborted) {
      tick();
      await bell.wait(untilDue());
      await turn();
    }
  }

  using _facts = replica.onFact(ring);
  using _quarantine = board.onQuarantine(ring);
  using _up = broker.onUp(() => {
    listeningSince = clock.mono();
    ring();
  });
  const over = new AbortController();
  const whileLeading = AbortSignal.any([signal, over.signal]);
  const beside = Promise.all([
    runDuties(duties, lease, whileLeading, log),
    keepReminding({ board, broker, log }, whileLeading),
  ]);
  try {
    await Promise.race([work(), dispatch.broken]);
    await Promise.race([settler.idle(), aborted(AbortSignal.timeout(SWEEP_MS))]);
  } finally {
    over.abort();
    dispatch.abandon();
    await Promise.race([beside, aborted(AbortSignal.timeout(SWEEP_MS))]);
  }
}

/** Lets everything that has arrived be taken in first. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
