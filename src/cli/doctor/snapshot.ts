// What a scheduler derives from the records, as a flat list of statements: the same list from a server and from an index.
import type { Board } from "../../scheduler/core/board.ts";
import type { Api } from "../../client/api.ts";
import { listJobs } from "../job-list.ts";
import type { QueueView, WorkerView } from "../views.ts";

export type Value = string | number | boolean;
/** Statements by what they are about, as `queue default queued`. */
export type Snapshot = ReadonlyMap<string, Value>;

const UNFINISHED = ["queued", "running"] as const;

type Job = { id: string; state: string; attempt: number; worker?: string | undefined };
type Queue = Pick<QueueView, "name" | "paused" | "maxRunning" | "depth">;
type Worker = { id: string; total: number; used: number; running: { job: string }[] };

export async function snapshotOfServer(api: Api): Promise<Snapshot> {
  const { queues } = await api.call<{ queues: QueueView[] }>("/v1/queues");
  type Listed = Pick<WorkerView, "id" | "running"> & { slots: { total: number; used: number } };
  const { workers } = await api.call<{ workers: Listed[] }>("/v1/workers");
  const jobs: Job[] = [];
  for (const state of UNFINISHED)
    for await (const job of listJobs(api, { state }, Infinity)) jobs.push(job);
  return snapshot(
    queues,
    workers.map(({ id, slots, running }) => ({ id, ...slots, running })),
    jobs,
  );
}

export function snapshotOfIndex(board: Board, mono: number): Snapshot {
  return snapshot(
    board.queues(),
    board.workers(mono).map(({ beat: { id }, slots, running }) => ({ id, ...slots, running })),
    UNFINISHED.flatMap((state) => board.list({ state, limit: Infinity }).jobs),
  );
}

function snapshot(
  queues: readonly Queue[],
  workers: readonly Worker[],
  jobs: readonly Job[],
): Snapshot {
  const statements = new Map<string, Value>();
  for (const { name, paused, maxRunning, depth } of queues) {
    for (const [state, count] of Object.entries(depth))
      statements.set(`queue ${name} ${state}`, count);
    statements.set(`queue ${name} paused`, paused);
    if (maxRunning !== undefined) statements.set(`queue ${name} maxRunning`, maxRunning);
  }
  for (const { id, total, used, running } of workers) {
    statements.set(`worker ${id} slots`, total);
    statements.set(`worker ${id} slots used`, used);
    const held = running.map(({ job }) => job).toSorted();
    statements.set(`worker ${id} runs`, held.length === 0 ? "nothing" : held.join(" "));
  }
  for (const { id, state, attempt, worker } of jobs)
    statements.set(
      `job ${id}`,
      `${state}, attempt ${attempt}${state === "running" ? ` on ${worker}` : ""}`,
    );
  return statements;
}
