// Workers: what their heartbeats say, when they count as gone, and which of their attempts are lost with them.
import { PRESENCE, type Heartbeat, type HeldAttempt } from "../../shared/messages.ts";
import type { Claim } from "./claim.ts";
import { isOver, type JobEntry } from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import type { Placer } from "./placer.ts";
import type { Quarantines } from "./quarantine.ts";
import { haunts, newRow, QUIET_MS, type Ghost, type Row } from "./row.ts";
import { anchorsOf } from "./shape.ts";
import { addTo, removeFrom, type Tables } from "./tables.ts";

/** Heartbeats in a row that must miss an attempt before it counts as lost: one may be older than the record. */
const MISSED_BEATS = 2;

export type Loss = {
  job: string;
  attempt: number;
  worker: string;
  reason: string;
  cancelled: boolean;
  /** A handler, which runs inside its worker, is more likely to have brought it down than this command. */
  blameless: boolean;
  /** The worker fell silent; one that left, was replaced or forgot the attempt has ended its programs. */
  mayStillRun: boolean;
};

export type Presence = {
  rowOf(id: string): Row;
  beat(beat: Heartbeat, mono: number): void;
  /** `left`: it said goodbye; `expired`: its key timed out, which alone is no proof of death. */
  workerGone(id: string, how: "left" | "expired"): void;
  /** The worker has no attempts left: one that is gone is forgotten. */
  emptied(row: Row): void;
  /** Attempts whose worker is gone or has forgotten them. Silence before `since` (monotonic ms) is not held against anybody. */
  lost(mono: number, since: number): Loss[];
  /** Monotonic ms at which somebody may have been silent for too long. */
  nextSilenceAt(): number;
  /** Workers that have shown no sign of an assignment since the call before: it may not have reached them. */
  unheard(): string[];
  /** Attempts that workers hold against the records. */
  superseded(): { job: string; attempt: number; worker: string }[];
};

export function createPresence(deps: {
  tables: Tables;
  placer: Placer;
  ledger: Ledger;
  quarantines: Pick<Quarantines, "conductOf" | "dismiss">;
  change: (entry: JobEntry, act: () => void) => void;
}): Presence {
  const { tables, placer, ledger, quarantines, change } = deps;
  const { rows, byAnchor, jobs } = tables;
  const suspects = new Set<Row>();
  const haunted = new Set<Row>();
  const departed = new Set<Row>();
  let silenceAt = -Infinity;
  let doubtful = new Set<Claim>();

  function rowOf(id: string): Row {
    const known = rows.get(id);
    if (known) return known;
    const row = newRow(id, quarantines.conductOf(id));
    rows.set(id, row);
    silenceAt = -Infinity;
    return row;
  }

  function setAnchors(row: Row, anchors: string[]): void {
    placer.removed(row);
    for (const anchor of row.anchors) removeFrom(byAnchor, anchor, row);
    row.anchors = anchors;
    for (const anchor of anchors) addTo(byAnchor, anchor, row);
  }

  function remove(row: Row): void {
    setAnchors(row, []);
    rows.delete(row.id);
    suspects.delete(row);
    haunted.delete(row);
    departed.delete(row);
    quarantines.dismiss(row);
  }

  /** The worker takes nothing any more; what it was given decides whether anybody still has to look at it. */
  function depart(row: Row, presence: "expired" | "left" | "dead"): void {
    row.presence = presence;
    departed.add(row);
    if (row.claims.size === 0) remove(row);
    else if (presence !== "expired") suspects.add(row);
  }

  function reconcile(row: Row, beat: Heartbeat): void {
    const ghosts = new Map<string, Ghost>();
    const listed = new Set<Claim>();
    for (const held of beat.held) {
      const claim = claimOf(row, held);
      if (claim) listed.add(claim);
      else if (isUnknown(held)) ghosts.set(ghostKey(held), ghostOf(row, held));
    }
    for (const claim of row.claims.values()) {
      const expected = claim.assignSeq !== undefined && claim.assignSeq <= beat.lastAssign;
      claim.missed = listed.has(claim) || !expected ? 0 : claim.missed + 1;
      if (claim.missed >= MISSED_BEATS) suspects.add(row);
    }
    setGhosts(row, ghosts);
  }

  function ghostOf(row: Row, held: HeldAttempt): Ghost {
    const { job, attempt } = held;
    const beats = (row.ghosts.get(ghostKey(held))?.beats ?? 0) + 1;
    return { job, attempt, slots: jobs.get(job)?.shape.slots ?? 1, beats };
  }

  /** The claim that the held attempt stands for; one that nobody told of is taken on, so that the job is not given away again. */
  function claimOf(row: Row, { job, attempt, startedAt }: HeldAttempt): Claim | undefined {
    const entry = jobs.get(job);
    const claim = entry?.claim;
    if (claim !== undefined)
      return claim.row === row && claim.attempt === attempt ? claim : undefined;
    if (entry?.state !== "queued" || attempt !== entry.attempt + 1) return undefined;
    change(entry, () =>
      ledger.open(entry, { row, attempt, seq: entry.seq, assignSeq: 0, at: startedAt }),
    );
    return entry.claim;
  }

  /** An attempt that is over by its record, or whose job is gone; a record that has not arrived yet makes it neither. */
  function isUnknown({ job, attempt }: HeldAttempt): boolean {
    const entry = jobs.get(job);
    return (
      entry === undefined ||
      isOver(entry) ||
      attempt <= entry.attempt ||
      entry.claim?.attempt === attempt
    );
  }

  function setGhosts(row: Row, ghosts: Map<string, Ghost>): void {
    row.used += slotsOf(ghosts) - slotsOf(row.ghosts);
    row.ghosts = ghosts;
    if ([...ghosts.values()].some(haunts)) haunted.add(row);
    else haunted.delete(row);
  }

  function judge(mono: number, since: number): void {
    silenceAt = Infinity;
    for (const row of rows.values()) {
      const deadline = Math.max(row.seen, since) + PRESENCE.lostAfterMs;
      if (row.presence === "left" || row.presence === "dead") depart(row, row.presence);
      else if (deadline <= mono) depart(row, "dead");
      else silenceAt = Math.min(silenceAt, deadline);
    }
    silenceAt = Math.min(silenceAt, mono + PRESENCE.lostAfterMs);
  }

  return {
    rowOf,
    beat(beat, mono) {
      const row = rowOf(beat.id);
      const { beat: last } = row;
      const wasShut = isShut(row, mono);
      row.beat = beat;
      row.seen = mono;
      row.presence = "present";
      row.declined = false;
      departed.delete(row);
      if (last === undefined || differs(last, beat)) setAnchors(row, anchorsOf(beat));
      const { used } = row;
      reconcile(row, beat);
      if (wasShut || last === undefined || differs(last, beat) || row.used < used)
        placer.improved(row);
      for (const id of beat.replaces ?? []) {
        const old = rows.get(id);
        if (old !== undefined && old !== row) depart(old, "left");
      }
    },
    workerGone(id, how) {
      const row = rows.get(id);
      if (row !== undefined && row.presence !== "left") depart(row, how);
    },
    emptied(row) {
      if (departed.has(row)) remove(row);
    },
    lost(mono, since) {
      if (mono >= silenceAt) judge(mono, since);
      const losses: Loss[] = [];
      for (const row of suspects) {
        const claims = [...row.claims.values()].filter((claim) => isLost(claim));
        if (claims.length === 0 && (row.presence === "present" || row.claims.size === 0))
          suspects.delete(row);
        const suspectsHandler = claims.some(({ entry }) => entry.shape.handler !== undefined);
        for (const { entry, attempt } of claims)
          losses.push({
            job: entry.id,
            attempt,
            worker: row.id,
            reason: reasonOf(row),
            cancelled: tables.cancels.has(entry.id),
            blameless: suspectsHandler && entry.shape.handler === undefined,
            mayStillRun: row.presence === "dead",
          });
      }
      return losses;
    },
    nextSilenceAt: () => silenceAt,
    unheard() {
      const before = doubtful;
      doubtful = new Set([...rows.values()].flatMap(unheardBy));
      const still = [...doubtful].filter((claim) => before.has(claim));
      return [...new Set(still.map(({ row }) => row.id))];
    },
    superseded: () =>
      [...haunted].flatMap((row) =>
        [...row.ghosts.values()]
          .filter(haunts)
          .map(({ job, attempt }) => ({ job, attempt, worker: row.id })),
      ),
  };
}

/** True for a worker that gets nothing new until it is heard again. */
const isShut = ({ presence, declined, seen }: Row, mono: number): boolean =>
  presence !== "present" || declined || mono - seen > QUIET_MS;

const ghostKey = ({ job, attempt }: HeldAttempt): string => `${job} ${attempt}`;

/** What is still being appended is not lost yet: it may come to nothing. */
const isLost = ({ row, missed, assignSeq }: Claim): boolean =>
  assignSeq !== undefined &&
  (row.presence === "left" || row.presence === "dead" || missed >= MISSED_BEATS);

/** Attempts that neither the record nor the worker has said a word of. */
function unheardBy({ presence, beat, claims }: Row): Claim[] {
  if (presence !== "present" || claims.size === 0) return [];
  const known = beat?.lastAssign ?? 0;
  return [...claims.values()].filter(
    ({ entry, assignSeq }) => entry.state === "queued" && (assignSeq ?? 0) > known,
  );
}

function reasonOf(row: Row): string {
  if (row.presence === "left") return `Worker ${row.id} left.`;
  if (row.presence === "dead")
    return `Worker ${row.id} was silent for more than ${PRESENCE.lostAfterMs / 1_000} s.`;
  return `Worker ${row.id} no longer holds the attempt.`;
}

const slotsOf = (ghosts: ReadonlyMap<string, Ghost>): number =>
  [...ghosts.values()].reduce((sum, ghost) => sum + (haunts(ghost) ? ghost.slots : 0), 0);

/** True when the newer beat may change where the worker stands in a ranking, apart from its claims. */
function differs(a: Heartbeat, b: Heartbeat): boolean {
  return (
    a.cordoned !== b.cordoned ||
    a.draining !== b.draining ||
    a.slots.total !== b.slots.total ||
    a.protocol !== b.protocol ||
    a.name !== b.name ||
    a.handlers.join() !== b.handlers.join() ||
    JSON.stringify(a.labels) !== JSON.stringify(b.labels)
  );
}
