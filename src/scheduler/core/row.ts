// A worker as the index knows it: its newest heartbeat and what it has been given.
import { PRESENCE, type Heartbeat } from "../../shared/messages.ts";
import type { Claim } from "./claim.ts";
import type { JobEntry } from "./entry.ts";
import type { Quarantine } from "../../shared/quarantine.ts";
import type { Verdict } from "./quarantine.ts";

/** A worker unheard for this long gets nothing new; it is not yet taken for dead. */
export const QUIET_MS = 2.5 * PRESENCE.beatMs;

/** An attempt that a worker says it holds although the records know nothing of it (any more). */
export type Ghost = {
  readonly job: string;
  readonly attempt: number;
  readonly slots: number;
  readonly beats: number;
};

/** How the workers of one name have done: changed by `quarantine.ts`. */
export type Conduct = {
  readonly name: string;
  readonly rows: Set<Row>;
  /** The jobs of each failure in a row. */
  failures: ReadonlySet<string>[];
  /** Attempts that were assigned up to this sequence say nothing new. */
  after: number;
  /** What keeps them out. */
  entry: Quarantine | undefined;
  /** They may have one job at a time although they are out. */
  isProbed: boolean;
  verdict: Verdict | undefined;
};

export const newConduct = (name: string): Conduct => ({
  name,
  rows: new Set(),
  failures: [],
  after: 0,
  entry: undefined,
  isProbed: false,
  verdict: undefined,
});

export type Row = {
  readonly id: string;
  readonly conduct: Conduct;
  /** Absent for a worker that is known from assignments only. */
  beat: Heartbeat | undefined;
  /** Monotonic ms of the newest heartbeat. */
  seen: number;
  /** present · expired: its key is gone, perhaps by mistake · left: it said goodbye or was replaced · dead: silent for too long */
  presence: "present" | "expired" | "left" | "dead";
  anchors: string[];
  /** It handed an attempt back: it gets nothing new until it has said how it stands. */
  declined: boolean;
  used: number;
  readonly claims: Map<string, Claim>;
  ghosts: Map<string, Ghost>;
  /** Rises with each placement: the one that waited longest wins a tie. */
  chosen: number;
  /** A large job that waits until enough slots are free here at once. */
  reserved: JobEntry | undefined;
};

export function newRow(id: string, conduct: Conduct): Row {
  const row: Row = {
    id,
    conduct,
    beat: undefined,
    seen: -Infinity,
    presence: "present",
    anchors: [],
    declined: false,
    used: 0,
    claims: new Map(),
    ghosts: new Map(),
    chosen: 0,
    reserved: undefined,
  };
  conduct.rows.add(row);
  return row;
}

/** True for an attempt that really is held against the records: two beats in a row, since one beat may be older than the record. */
export const haunts = (ghost: Ghost): boolean => ghost.beats >= 2;

export const totalSlots = (row: Row): number => row.beat?.slots.total ?? 0;
export const freeSlots = (row: Row): number => totalSlots(row) - row.used;
export const load = (row: Row): number => row.used / Math.max(1, totalSlots(row));

/** True when the worker takes new work. */
export const isOpen = (row: Row, mono: number): boolean =>
  row.beat !== undefined &&
  row.presence === "present" &&
  !row.declined &&
  !row.beat.cordoned &&
  !row.beat.draining &&
  mono - row.seen <= QUIET_MS &&
  (row.conduct.entry === undefined || isDueForProbe(row));

/** True for a worker in quarantine that may have a job now, to see whether it can do it. */
export const isDueForProbe = ({ conduct, claims }: Row): boolean =>
  conduct.isProbed && [...claims.values()].every(({ entry }) => entry.holds);
