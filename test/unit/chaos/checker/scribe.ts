// Writes the history of an imagined run in which everything went well, with the product's own job machine.
import type {
  AssignSeen,
  LineSeen,
  Observation,
  OutputSeen,
  RecordSeen,
} from "../../../chaos/checker/history.ts";
import { expectedOutput, sha256 } from "../../../chaos/checker/sequence.ts";
import { apply, newJob } from "../../../../src/shared/job-machine.ts";
import {
  JOB_STATES,
  type Ending,
  type JobEvent,
  type JobState,
} from "../../../../src/shared/job.ts";
import type { JobSpec } from "../../../../src/shared/spec.ts";

export const SEED = 7;
/** Bytes that every imagined attempt writes. */
const WROTE = { stdout: 900, stderr: 90 };

export type Scribe = ReturnType<typeof createScribe>;
export type Tale = ReturnType<Scribe["tale"]>;

export function createScribe() {
  const history: Observation[] = [];
  let now = 1_000_000;
  let logSeq = 0;
  let recordSeq = 0;

  const tick = (ms = 10): number => (now += ms);
  const note = <T extends Observation>(seen: T): T => {
    history.push(seen);
    return seen;
  };

  /** The life of one job, step by step. */
  function tale(job: string, spec: JobSpec = {}, key?: string) {
    const asked = { command: ["job.sh"], labels: { ref: job }, ...spec };
    let record = newJob(job, asked, tick());
    let seq = 0;
    const store = () => {
      seq = recordSeq += 1;
      note<RecordSeen>({ kind: "record", at: tick(), seq, job, record });
    };
    const line = (attempt: number, worker: string, what: LineSeen["what"], exitCode?: number) =>
      note<LineSeen>({
        kind: "line",
        at: tick(),
        what,
        job,
        attempt,
        worker,
        pid: 1,
        seed: SEED,
        ...(what === "start" ? { stdout: 0, stderr: 0 } : WROTE),
        ...(exitCode === undefined ? {} : { exitCode }),
      });
    const output = (attempt: number) =>
      note<OutputSeen>({
        kind: "output",
        at: tick(),
        job,
        attempt,
        complete: true,
        channels: { stdout: stored("stdout"), stderr: stored("stderr") },
      });
    const act = (event: JobEvent) => {
      record = apply(record, event);
      store();
    };

    store();
    note({
      kind: "submit",
      at: tick(),
      ref: job,
      answer: "accepted",
      job,
      ...(key === undefined ? {} : { key }),
    });
    return {
      job,
      act,
      assign: (attempt: number, worker: string, epoch = 1) =>
        note<AssignSeen>({
          kind: "assign",
          at: tick(),
          seq: (logSeq += 1),
          epoch,
          worker,
          items: [{ job, attempt, seq }],
        }),
      start(attempt: number, worker: string) {
        line(attempt, worker, "start");
        act({ type: "started", at: tick(), attempt, worker });
      },
      finish(attempt: number, worker: string, ending: Partial<Ending> = {}) {
        const { outcome = "exited", exitCode = 0 } = ending;
        if (outcome === "exited") line(attempt, worker, "end", exitCode);
        else line(attempt, worker, "wrote");
        const written = { ...WROTE, chunks: 2, dropped: 0 };
        const full: Ending = {
          outcome,
          output: written,
          ...(outcome === "exited" ? { exitCode } : {}),
        };
        act({
          type: "finished",
          at: tick(),
          attempt,
          worker,
          startedAt: 0,
          ending: full,
          random: 0,
        });
        output(attempt);
      },
      lose(attempt: number, worker: string) {
        const lost = { attempt, worker, reason: "silent", cancelled: false, random: 0 };
        act({ type: "lost", at: tick(20_000), ...lost });
      },
    };
  }

  return {
    history,
    tick,
    note,
    tale,
    /** What every scheduler shows when all is done. */
    conclude(workers: string[]) {
      const jobs = Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<
        JobState,
        number
      >;
      const last = new Map<string, JobState>();
      for (const seen of history)
        if (seen.kind === "record" && seen.record !== undefined)
          last.set(seen.job, seen.record.state);
      for (const state of last.values()) jobs[state] += 1;
      const idle = workers.map((worker) => ({ worker, status: "ready", used: 0, running: [] }));
      for (const scheduler of ["s1", "s2"])
        note({ kind: "scheduler", at: tick(), scheduler, jobs, workers: idle });
      note({ kind: "alive", at: tick(), workers });
    },
  };
}

const stored = (channel: "stdout" | "stderr") => ({
  bytes: WROTE[channel],
  sha256: sha256(expectedOutput(SEED, channel, WROTE[channel])),
  dropped: 0,
  misplaced: 0,
});
