// Sees what the API does not show: the records as they are stored, the log of assignments, the processes of jobs.
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { connectBroker, type Broker } from "../../../src/shared/io/broker.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import { isFinal, type JobRecord, type JobState } from "../../../src/shared/job.ts";
import { decodeRecord } from "../../../src/shared/messages.ts";
import { findTagged } from "../../../src/worker/launcher/tagged-processes.ts";
import { loggedAssignments, repeated } from "../../broker/scheduler/assignments.ts";
import { tempDir } from "../../lab/temp-dir.ts";
import { until } from "../../lab/until.ts";

export type Witness = AsyncDisposable & {
  readonly broker: Broker;
  record(id: string): Promise<JobRecord>;
  /** The record once it is in the state; fails when it ends otherwise. */
  until(id: string, state: JobState): Promise<JobRecord>;
  /** Attempts that were assigned more than once. */
  assignedTwice(): Promise<string[]>;
  /** The epochs of the assignments, in the order of their log. */
  epochs(): Promise<number[]>;
  /** How many attempts the worker says it holds. */
  heldBy(workerId: string): Promise<number>;
};

export async function openWitness(url: string, prefix = "mr"): Promise<Witness> {
  const broker = await connectBroker({ url, identity: "witness", prefix });
  const { jobs } = broker.subjects;

  async function record(id: string): Promise<JobRecord> {
    const stored = await broker.last(jobs.stream, jobs.record(id));
    const found = stored && decodeRecord(textOf(stored));
    if (found === undefined) throw new Error(`there is no record of job ${id}`);
    return found;
  }

  return {
    broker,
    record,
    async until(id, wanted) {
      const arrived = async () => {
        const found = await record(id);
        return found.state === wanted || isFinal(found.state) ? found : undefined;
      };
      const found = await until(arrived, `the record of ${id} to say ${wanted}`, 60_000);
      if (found.state === wanted) return found;
      throw new Error(`job ${id} should be ${wanted}: ${JSON.stringify(found)}`);
    },
    assignedTwice: async () => repeated(await loggedAssignments(broker)),
    epochs: async () => (await loggedAssignments(broker)).map(({ epoch }) => epoch),
    async heldBy(workerId) {
      const ping = JSON.stringify({ type: "ping" });
      const reply = await broker.request(broker.subjects.control(workerId), ping, 2_000);
      return (JSON.parse(reply) as { held: number }).held;
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** Numbers of the living processes of these jobs, wherever they have gone. */
export function processesOf(...ids: string[]): number[] {
  const isTheirs = (tag: string) => ids.some((id) => tag.startsWith(`${id}.`));
  return findTagged(isTheirs).map(({ pid }) => pid);
}

export const untilGone = (...ids: string[]): Promise<unknown> =>
  until(
    () => processesOf(...ids).length === 0,
    `all processes of ${ids.join(", ")} to end`,
    30_000,
  );

/** True when the process is stopped: it was sent SIGSTOP and no thread of it runs any more. */
export function isFrozen(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((id) => /\) T/.test(readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8")));
}

/** A directory in which jobs leave notes and wait for a word. */
export type Notebook = AsyncDisposable & {
  readonly path: string;
  /** Shell: writes "job attempt word" into the journal. */
  note(word: string): string;
  /** Shell: goes on only after `say`. */
  await(word: string): string;
  say(word: string): void;
  lines(): string[];
  untilNoted(pattern: RegExp): Promise<string>;
};

export async function openNotebook(): Promise<Notebook> {
  const dir = await tempDir();
  const journal = join(dir.path, "journal");
  const lines = () =>
    existsSync(journal) ? readFileSync(journal, "utf8").split("\n").slice(0, -1) : [];
  return {
    path: dir.path,
    note: (word) => `echo "$MILLRACE_JOB_ID $MILLRACE_ATTEMPT ${word}" >> ${journal}`,
    await: (word) => `while ! [ -e ${join(dir.path, word)} ]; do sleep 0.05; done`,
    say: (word) => appendFileSync(join(dir.path, word), ""),
    lines,
    untilNoted: (pattern) =>
      until(() => lines().find((line) => pattern.test(line)), `${pattern} in the journal`, 60_000),
    [Symbol.asyncDispose]: dir[Symbol.asyncDispose],
  };
}

export const shell = (...lines: string[]): string[] => ["sh", "-c", lines.join("\n")];
