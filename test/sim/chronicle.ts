// Writes down what everybody sees, in the words of the checker's history.
import { textOf } from "../../src/shared/io/wire.ts";
import { decodeAssignments, decodeRecord } from "../../src/shared/messages.ts";
import { afterTokens, createSubjects } from "../../src/shared/subjects.ts";
import type { FaultKind, Observation } from "../chaos/checker/history.ts";
import type { Message } from "./stream.ts";
import { EPOCH_MS, type Host, type World } from "./world.ts";

export type Chronicle = {
  readonly history: Observation[];
  /** Takes the observation in; a caller may complete it later. */
  note<T extends Observation>(seen: T): T;
  /** Epoch milliseconds of the virtual instant. */
  now(): number;
  fault(fault: FaultKind, forMs: number, target?: string): void;
  /** What a stream has stored. */
  stored(stream: string, message: Message): void;
  /** The newest state of each job that has a record. */
  readonly states: ReadonlyMap<string, string>;
  /** The jobs whose cancel intent stands. */
  readonly cancels: ReadonlySet<string>;
  /** A job begins to run on a host; call the result when it has ended. */
  running(run: Run): () => void;
  /** The runs that have not ended, on hosts that live. */
  runs(): Run[];
  /** Notes them as processes that should not be there. */
  noteRuns(when: "cancelled" | "end", job?: string): void;
};

export type Run = { host: Host; job: string; attempt: number };

/** Header of messages that are nobody's word: they do not count as assignments. */
export const FORGED = "Sim-Forged";

const CANCEL = ".cancel";

export function createChronicle(world: World): Chronicle {
  const { jobs, assign } = createSubjects();
  const history: Observation[] = [];
  const states = new Map<string, string>();
  const cancels = new Set<string>();
  const active = new Set<Run>();
  const now = () => EPOCH_MS + world.now;

  function note<T extends Observation>(seen: T): T {
    history.push(seen);
    return seen;
  }

  function jobStored({ subject, seq, removed, data }: Message, text: string): void {
    const id = afterTokens(subject, 2);
    if (id.endsWith(CANCEL)) {
      const job = id.slice(0, -CANCEL.length);
      if (removed || data.length === 0) cancels.delete(job);
      else cancels.add(job);
      return;
    }
    const record = removed ? undefined : decodeRecord(text);
    if (record?.state === "cancelled") noteRuns("cancelled", id);
    if (record) states.set(id, record.state);
    else states.delete(id);
    note({ kind: "record", at: now(), seq, job: id, ...(record ? { record } : {}) });
  }

  function noteRuns(when: "cancelled" | "end", id?: string): void {
    for (const { job, attempt, host } of runs())
      if (id === undefined || job === id)
        note({ kind: "process", at: now(), when, job, attempt, pid: 0, command: host.name });
  }

  const runs = () => [...active].filter(({ host }) => host.alive);

  function assignmentStored({ subject, seq, header }: Message, text: string): void {
    const batch = decodeAssignments(text);
    if (batch === undefined || header(FORGED) !== undefined) return;
    const items = batch.items.map((item) => ({
      job: item.record.id,
      attempt: item.attempt,
      seq: item.seq,
    }));
    const worker = subject === assign.epoch ? {} : { worker: afterTokens(subject, 2) };
    note({ kind: "assign", at: now(), seq, epoch: batch.epoch, items, ...worker });
  }

  return {
    history,
    note,
    now,
    states,
    cancels,
    running(run) {
      active.add(run);
      return () => void active.delete(run);
    },
    runs,
    noteRuns,
    fault(fault, forMs, target) {
      const at = now();
      note({ kind: "fault", at, until: at + forMs, fault, ...(target ? { target } : {}) });
    },
    stored(stream, message) {
      if (stream === jobs.stream) jobStored(message, textOf(message));
      else if (stream === assign.stream) assignmentStored(message, textOf(message));
    },
  };
}
