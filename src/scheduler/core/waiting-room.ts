// Where an unfinished job stands: in its line, waiting for its instant, about to be ended without a worker, or about to be stopped.
import type { CancelIntent } from "../../shared/messages.ts";
import { isOver, type JobEntry } from "./entry.ts";
import { createHeap } from "./heap.ts";
import type { Placer } from "./placer.ts";
import { queueRow, type Tables } from "./tables.ts";
import type { Uniques } from "./uniques.ts";

export type WaitingRoom = {
  /** Takes the job out of wherever it stands. */
  leave(entry: JobEntry): void;
  /** Puts the job where its facts say. */
  enter(entry: JobEntry): void;
  /** Moves on those whose instant has come. */
  advance(now: number): void;
  /** Epoch ms of the next such instant. */
  nextAt(): number | undefined;
  /** Jobs to be ended although no worker has them. */
  readonly ending: ReadonlyMap<JobEntry, CancelIntent | "expired">;
  /** Jobs that a worker has and that somebody cancelled. */
  readonly stopping: ReadonlySet<JobEntry>;
};

export function createWaitingRoom(
  tables: Tables,
  placer: Placer,
  uniques: Pick<Uniques, "originalOf">,
): WaitingRoom {
  const delays = createHeap<JobEntry>((a, b) => (a.notBefore ?? 0) < (b.notBefore ?? 0));
  const deadlines = createHeap<JobEntry>((a, b) => (a.expiresAt ?? 0) < (b.expiresAt ?? 0));
  const ending = new Map<JobEntry, CancelIntent | "expired">();
  const stopping = new Set<JobEntry>();

  function stepAside(entry: JobEntry): void {
    const { spot } = entry;
    entry.spot = "none";
    if (spot === "line") placer.drop(entry);
    if (spot === "delay") delays.delete(entry);
  }

  function queueUp(entry: JobEntry): void {
    entry.spot = "line";
    placer.add(entry);
  }

  /** Why the job is to be ended rather than started. */
  function endOf(entry: JobEntry): CancelIntent | undefined {
    const own = tables.cancels.get(entry.id);
    if (own !== undefined) return own;
    const { name, purge } = queueRow(tables, entry.shape.queue);
    if (purge !== undefined && entry.seq <= purge.upTo)
      return { v: 1, at: purge.at, actor: purge.actor, reason: `Queue ${name} was purged.` };
    const original = uniques.originalOf(entry);
    if (original === undefined) return undefined;
    const reason = `Job ${original.id} stands for the same unique key.`;
    return { v: 1, at: entry.submittedAt, actor: "millrace", reason };
  }

  return {
    ending,
    stopping,
    leave(entry) {
      stepAside(entry);
      deadlines.delete(entry);
      ending.delete(entry);
      stopping.delete(entry);
    },
    enter(entry) {
      if (isOver(entry)) return;
      if (entry.claim !== undefined)
        return void (tables.cancels.has(entry.id) && stopping.add(entry));
      const end = endOf(entry);
      if (end !== undefined) return void ending.set(entry, end);
      if (entry.expiresAt !== undefined) deadlines.put(entry);
      if (entry.notBefore === undefined) return queueUp(entry);
      entry.spot = "delay";
      delays.put(entry);
    },
    advance(now) {
      for (
        let entry = deadlines.peek();
        entry !== undefined && (entry.expiresAt ?? 0) <= now;
        entry = deadlines.peek()
      ) {
        deadlines.delete(entry);
        stepAside(entry);
        ending.set(entry, "expired");
      }
      for (
        let entry = delays.peek();
        entry !== undefined && (entry.notBefore ?? 0) <= now;
        entry = delays.peek()
      ) {
        stepAside(entry);
        queueUp(entry);
      }
    },
    nextAt() {
      const instants = [delays.peek()?.notBefore, deadlines.peek()?.expiresAt].filter(
        (at) => at !== undefined,
      );
      return instants.length === 0 ? undefined : Math.min(...instants);
    },
  };
}
