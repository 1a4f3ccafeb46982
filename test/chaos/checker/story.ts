// A history sorted by what it is about: a story for each job, and the world around them.
import type {
  AssignSeen,
  CancelSeen,
  FaultSeen,
  History,
  LineSeen,
  Observation,
  OutputSeen,
  ProcessSeen,
  RecordSeen,
  SubmitSeen,
  WorkerSeen,
} from "./history.ts";
import type { JobRecord, TimelineEntry } from "../../../src/shared/job.ts";

export type Version = Required<RecordSeen>;

/** One assignment of the log, told apart from the others in its message. */
export type Given = {
  at: number;
  /** Place in the log. */
  logSeq: number;
  epoch: number;
  worker: string;
  job: string;
  attempt: number;
  /** The record that it was decided on. */
  seq: number;
};

/** Everything that is known about one job, each list in its natural order. */
export type Story = {
  job: string;
  cancels: CancelSeen[];
  versions: Version[];
  removed: boolean;
  given: Given[];
  lines: LineSeen[];
  outputs: OutputSeen[];
  processes: ProcessSeen[];
};

export type World = {
  stories: ReadonlyMap<string, Story>;
  submits: readonly SubmitSeen[];
  assigns: readonly AssignSeen[];
  workers: ReadonlyMap<string, WorkerSeen>;
  faults: readonly FaultSeen[];
  of<K extends Observation["kind"]>(kind: K): readonly Extract<Observation, { kind: K }>[];
};

export function tellStories(history: History): World {
  const of = <K extends Observation["kind"]>(kind: K) =>
    history.filter((seen): seen is Extract<Observation, { kind: K }> => seen.kind === kind);
  const stories = new Map<string, Story>();
  const story = (job: string): Story => {
    const known = stories.get(job) ?? newStory(job);
    stories.set(job, known);
    return known;
  };
  const assigns = of("assign").toSorted((a, b) => a.seq - b.seq);
  for (const seen of of("record").toSorted((a, b) => a.seq - b.seq))
    addRecord(story(seen.job), seen);
  for (const { items, worker, at, epoch, seq: logSeq } of assigns)
    for (const item of items)
      if (worker !== undefined) story(item.job).given.push({ ...item, at, logSeq, epoch, worker });
  for (const seen of of("cancel")) story(seen.job).cancels.push(seen);
  for (const seen of of("line").toSorted((a, b) => a.at - b.at)) story(seen.job).lines.push(seen);
  for (const seen of of("output")) story(seen.job).outputs.push(seen);
  for (const seen of of("process")) story(seen.job).processes.push(seen);
  const workers = new Map(of("worker").map((seen) => [seen.worker, seen]));
  return { stories, submits: of("submit"), assigns, workers, faults: of("fault"), of };
}

const newStory = (job: string): Story => ({
  job,
  cancels: [],
  versions: [],
  removed: false,
  given: [],
  lines: [],
  outputs: [],
  processes: [],
});

/** The same version may have been seen by several. */
function addRecord(story: Story, { record, ...seen }: RecordSeen): void {
  story.removed = record === undefined;
  if (record !== undefined && story.versions.at(-1)?.seq !== seen.seq)
    story.versions.push({ ...seen, record });
}

export const lastRecord = ({ versions }: Story): JobRecord | undefined => versions.at(-1)?.record;

/** A step of a job's life: an entry of its timeline, and when the stream had it at the earliest. */
export type Step = { entry: TimelineEntry; storedAt: number; version: Version };

/** Every step that the newest version tells, each with the first version that told it. */
export function stepsOf({ versions }: Story): Step[] {
  const steps: Step[] = [];
  for (const version of versions) {
    const { timeline } = version.record;
    const fresh = timeline.slice(steps.length);
    // of several steps at once only the last is known to have been stored then
    for (const [i, entry] of fresh.entries())
      steps.push({ entry, storedAt: i === fresh.length - 1 ? version.at : entry.at, version });
  }
  return steps;
}

/** The step that ended an attempt in the record. */
export const endOf = (story: Story, attempt: number): Step | undefined =>
  stepsOf(story).find(({ entry }) => entry.attempt === attempt && entry.what !== "started");

/** Numbers that a manual retry passed over, each with the step that ended the job while it may have been assigned. */
export function passedOver(steps: readonly Step[]): ReadonlyMap<number, Step> {
  const passed = new Map<number, Step>();
  let newest = 0;
  for (const [i, { entry }] of steps.entries()) {
    const before = steps[i - 1];
    const endedWaiting = before?.entry.what === "cancelled" || before?.entry.what === "expired";
    if (entry.what === "retried" && endedWaiting) passed.set((newest += 1), before);
    newest = Math.max(newest, entry.attempt ?? 0);
  }
  return passed;
}
