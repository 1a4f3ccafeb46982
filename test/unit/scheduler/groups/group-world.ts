// A broker's worth of groups and jobs in memory, with leaders that die at chosen writes.
import type { JobStore } from "../../../../src/shared/io/job-store.ts";
import type { GroupStore } from "../../../../src/shared/io/group-store.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import { MillraceError } from "../../../../src/shared/errors.ts";
import { isOverGroup, parseGroupSpec, type GroupRecord } from "../../../../src/shared/group.ts";
import { newGroup } from "../../../../src/shared/group-machine.ts";
import { apply } from "../../../../src/shared/job-machine.ts";
import { isFinal, type JobRecord } from "../../../../src/shared/job.ts";
import type { QueueSettings } from "../../../../src/shared/queue-settings.ts";
import { createAdmission } from "../../../../src/scheduler/admission.ts";
import { createBoard } from "../../../../src/scheduler/core/board.ts";
import { createChildren } from "../../../../src/scheduler/groups/children.ts";
import { createExpander } from "../../../../src/scheduler/groups/expander.ts";
import { createGroupIndex } from "../../../../src/scheduler/groups/group-index.ts";

export const GROUP = "g".repeat(20);

type Versioned<T> = { record: T; seq: number };
/** How the job of a place ends: by its attempt's number, counted from 1. */
export type Fate = (member: string, index: number, attempt: number) => "succeeded" | "failed";

export type World = {
  /** Job ids in the order of their making; twice the same would be a double. */
  readonly made: JobRecord[];
  group(): GroupRecord;
  jobs(): JobRecord[];
  change(change: (record: GroupRecord) => GroupRecord): void;
  /** Sequence of the newest record of a job. */
  lastSeq(): number;
  /** Leads until the group is over or the leader has died at its `dieAt`th write, before it or after it was stored. */
  lead(dieAt?: number, stored?: boolean): Promise<void>;
};

/** What there is beside the group. */
export type Surroundings = {
  /** Of the queue `default`. */
  settings?: Partial<QueueSettings>;
  /** Jobs of nobody's group that are about to run. */
  strangers?: readonly JobRecord[];
};

export function createWorld(plan: object, fate: Fate, around: Surroundings = {}): World {
  const groups = new Map<string, Versioned<GroupRecord>>();
  const jobs = new Map<string, Versioned<JobRecord>>();
  const made: JobRecord[] = [];
  let seq = 0;
  for (const record of around.strangers ?? []) jobs.set(record.id, { record, seq: (seq += 1) });
  groups.set(GROUP, { record: newGroup(GROUP, parseGroupSpec(plan), 1), seq: (seq += 1) });

  function put<T extends { id: string }>(
    map: Map<string, Versioned<T>>,
    record: T,
    expect: number,
  ) {
    if ((map.get(record.id)?.seq ?? 0) !== expect)
      throw new MillraceError("lost_race", "somebody was first");
    map.set(record.id, { record, seq: (seq += 1) });
    return seq;
  }

  /** The job's worker. */
  function run({ id, origin, attempt: before }: JobRecord): Versioned<JobRecord> {
    const { record, seq: expect } = jobs.get(id)!;
    if (isFinal(record.state)) return jobs.get(id)!;
    const attempt = before + 1;
    const { member = "", index = 0 } = origin?.group ?? {};
    const exitCode = fate(member, index, attempt) === "succeeded" ? 0 : 1;
    const event = {
      type: "finished",
      at: 5,
      startedAt: 4,
      attempt,
      worker: "w-00000000",
      ending: { outcome: "exited", exitCode },
      random: 0,
    } as const;
    put(jobs, apply(record, event), expect);
    return jobs.get(id)!;
  }

  async function lead(dieAt = Infinity, stored = false): Promise<void> {
    if (isOverGroup(groups.get(GROUP)!.record.state)) return;
    const death = new AbortController();
    const index = createGroupIndex();
    const board = createBoard();
    board.queueChanged("default", { paused: false, ...around.settings });
    let writes = 0;

    const told = ({ record, seq: at }: Versioned<JobRecord>) => {
      if (death.signal.aborted) return;
      board.jobChanged(record, at);
      index.jobChanged(record, at, record.state);
    };
    /** A write as a dying leader sees it: it happened or it did not, and nobody hears the answer. */
    async function through<T>(write: () => T): Promise<T> {
      await Promise.resolve();
      if (death.signal.aborted) throw new Error("dead");
      writes += 1;
      const last = writes >= dieAt;
      if (last && !stored) death.abort();
      if (death.signal.aborted) throw new Error("dead");
      const result = write();
      if (last) death.abort();
      if (last) throw new Error("dead");
      return result;
    }

    const store: Pick<JobStore, "write" | "create" | "read" | "clearCancel" | "requestCancel"> = {
      write: (record, expect) =>
        through(() => {
          const isNew = !jobs.has(record.id);
          const at = put(jobs, record, expect);
          if (isNew) made.push(record);
          told(jobs.get(record.id)!);
          setImmediate(() => told(run(record)));
          return at;
        }),
      create: (record) => store.write(record, 0),
      read: async (id) => jobs.get(id),
      clearCancel: async () => undefined,
      requestCancel: (id, { at, actor, reason }) =>
        through(() => {
          const { record, seq: expect } = jobs.get(id)!;
          if (!isFinal(record.state))
            put(jobs, apply(record, { type: "cancelled", at, actor, reason }), expect);
          told(jobs.get(id)!);
        }),
    };
    const groupStore: GroupStore = {
      create: async () => 0,
      remove: async () => undefined,
      read: async (id) => groups.get(id),
      update: async () => groups.get(GROUP)!,
      write: (record, expect) => through(() => put(groups, record, expect)),
    };

    const clock = { now: () => 1_000, mono: () => performance.now() };
    for (const known of jobs.values()) told(known);
    for (const { record, seq: at } of groups.values()) index.groupChanged(record, at);
    using _over = index.watch((id) => {
      const known = index.get(id);
      if (known !== undefined && isOverGroup(known.record.state)) death.abort();
    });
    // jobs that were on their way when the last leader died
    for (const { record } of jobs.values())
      if (!isFinal(record.state)) setImmediate(() => told(run(record)));
    await createExpander({
      index,
      caughtUp: async () => undefined,
      groups: groupStore,
      children: createChildren({
        store: store as JobStore,
        clock,
        prefix: "mr",
        admission: createAdmission(board),
        view: board,
        isSibling: index.isChild,
      }),
      board,
      turns: { take: async () => true },
      monitor: { look: async (record) => record, nextDueAt: () => Infinity, due: () => [] },
      clock,
      log: silentLog,
    }).run(death.signal, { v: 1, scheduler: "s", epoch: 1, since: 0 });
    // what was handed to workers runs on
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }

  return {
    made,
    lead,
    lastSeq: () => seq,
    group: () => groups.get(GROUP)!.record,
    jobs: () => [...jobs.values()].map(({ record }) => record),
    change(change) {
      const { record } = groups.get(GROUP)!;
      groups.set(GROUP, { record: change(record), seq: (seq += 1) });
    },
  };
}
