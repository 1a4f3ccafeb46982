// Things that happen at the same instant: rows 19 and 23 of the fault table.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isFinal } from "../../../src/shared/job.ts";
import type { JobSpec } from "../../../src/shared/spec.ts";
import { ask, type JobView, type QueueView, type WorkerView } from "../../lab/api.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import {
  openNotebook,
  openWitness,
  shell,
  untilGone,
  type Notebook,
  type Witness,
} from "./witness.ts";

const FULL = process.env["FULL"] === "1";
const ROUNDS = FULL ? 1_000 : 40;
const SWEEPLESS_ROUNDS = FULL ? 10_000 : 100;

let lab: Lab;
let witness: Witness;
let book: Notebook;
beforeAll(async () => {
  book = await openNotebook();
  lab = await startLab({ schedulers: 2, workers: [{ slots: 8 }] });
  witness = await openWitness(lab.broker.url);
});
afterAll(async () => {
  for (const one of [witness, lab, book]) await one[Symbol.asyncDispose]();
});

const setQueue = (name: string, paused: boolean) =>
  lab.call<QueueView>("PUT", `/v1/queues/${name}`, { paused });
const setDuty = (worker: string, what: "cordon" | "uncordon") =>
  lab.call<WorkerView>("POST", `/v1/workers/${worker}/${what}`);
const cancel = (id: string) => ask(`${lab.url}/v1/jobs/${id}/cancel`, "POST");

async function untilFinal(id: string): Promise<JobView> {
  return until(
    async () => {
      const job = await lab.job(id);
      return isFinal(job.state) ? job : undefined;
    },
    `job ${id} to end`,
    60_000,
  );
}

type Race = { id: string; accepted: boolean; job: JobView };

/** Submits the job and asks for its end a moment later, a little later in each round. */
async function race(spec: JobSpec, spreadMs: number): Promise<Race[]> {
  const rounds = Array.from({ length: ROUNDS }, async (_, round) => {
    const id = await lab.submit(spec);
    await delay((round % 20) * (spreadMs / 20));
    const { status } = await cancel(id);
    return { id, accepted: status === 202, job: await untilFinal(id) };
  });
  return Promise.all(rounds);
}

describe("row 19: a cancel at the same instant as", () => {
  const jobs: [string, JobSpec, number, JobView["state"]][] = [
    ["the assignment or the start", { command: ["sleep", "600"] }, 60, "cancelled"],
    ["the end of a success", { command: ["sleep", "0.05"] }, 160, "succeeded"],
    ["the end of a failure", { command: ["sh", "-c", "sleep 0.05; exit 3"] }, 160, "failed"],
    [
      "a retry",
      {
        command: ["false"],
        retry: { attempts: 50, backoff: { initial: "10ms", factor: 1, jitter: 0 } },
      },
      200,
      "cancelled",
    ],
  ];

  it.each(jobs)(
    "%s leaves one of the two legal ends, and no process",
    async (_instant, spec, spreadMs, otherwise) => {
      const races = await race(spec, spreadMs);
      for (const { id, accepted, job } of races) {
        // a cancel that was refused came after another end
        expect(accepted ? ["cancelled", otherwise] : [otherwise]).toContain(job.state);
        const { attempts, timeline } = await witness.record(id);
        const ends = timeline.filter(({ state }) => isFinal(state));
        expect(ends).toHaveLength(1);
        expect(timeline.at(-1)).toBe(ends[0]);
        expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, i) => i + 1));
      }
      expect(races.some(({ job }) => job.state === "cancelled")).toBe(true);
      await untilGone(...races.map(({ id }) => id));
      expect(await witness.assignedTwice()).toEqual([]);
    },
    FULL ? 900_000 : 90_000,
  );

  it("the loss of the worker ends as cancelled and never starts again", async () => {
    const rounds = FULL ? 20 : 3;
    for (let round = 0; round < rounds; round += 1) {
      const name = `doomed-${round}`;
      const doomed: LabWorker = await lab.addWorker({ name, slots: 4 });
      const command = shell(book.note("starts"), "sleep 600");
      const ids = await Promise.all(
        (["retry", "fail", "retry", "fail"] as const).map((onWorkerLost) =>
          lab.submit({ command, worker: doomed.id, onWorkerLost }),
        ),
      );
      for (const id of ids) await lab.until(id, "running");
      const asked = Promise.all(ids.map(cancel));
      await Promise.all([asked, doomed.kill("SIGKILL")]);
      expect((await asked).map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      await lab.addWorker({ name: `${name}-again` }); // whoever finds the dead one need not wait
      for (const id of ids) expect((await untilFinal(id)).state).toBe("cancelled");
      await untilGone(...ids);
      for (const id of ids)
        expect(book.lines().filter((line) => line.startsWith(id)).length).toBeLessThan(2);
    }
  }, 180_000);
});

/** The leader's slow sweep comes once a second: rounds that needed it would take that long each. */
async function expectSweepless(round: () => Promise<void>, count: number): Promise<void> {
  const began = performance.now();
  for (let n = 0; n < count; n += 1) {
    await round();
    expect(performance.now() - began).toBeLessThan(count * 500);
  }
}

describe("row 23: nobody waits for a sweep", { timeout: FULL ? 900_000 : 90_000 }, () => {
  it("when a slot is freed in the same instant as a job arrives", async () => {
    const { id: worker } = await lab.addWorker({ name: "single", slots: 1 });
    const run = () => lab.call<JobView>("POST", "/v1/jobs?wait=30s", { command: ["true"], worker });
    await expectSweepless(async () => {
      const ends = await Promise.all([run(), run()]);
      expect(ends.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
    }, SWEEPLESS_ROUNDS);
  });

  it("when a limit is lifted", async () => {
    await expectSweepless(async () => {
      await setQueue("gate", true);
      const id = await lab.submit({ command: ["true"], queue: "gate" });
      const [job] = await Promise.all([untilFinal(id), setQueue("gate", false)]);
      expect(job.state).toBe("succeeded");
    }, SWEEPLESS_ROUNDS / 4);
  });

  it("when a worker is uncordoned", async () => {
    const worker = lab.workers.find(({ id }) => id.startsWith("single"))!.id;
    await expectSweepless(async () => {
      await setDuty(worker, "cordon");
      const id = await lab.submit({ command: ["true"], worker });
      await setDuty(worker, "uncordon");
      expect((await untilFinal(id)).state).toBe("succeeded");
    }, SWEEPLESS_ROUNDS / 4);
  });
});
