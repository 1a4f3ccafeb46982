// Handlers that take their worker down with them, or keep it from breathing: row 24 of the fault table.
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { startLab, type Lab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, openWitness, shell } from "./witness.ts";

const FULL = process.env["FULL"] === "1";
const handlers = fileURLToPath(new URL("handlers", import.meta.url));
const SMALL_HEAP = { NODE_OPTIONS: "--max-old-space-size=64" };

/** Starts the worker again whenever it ends, as a supervisor does, until disposed; tells how often. */
function supervise(lab: Lab, options: Parameters<Lab["addWorker"]>[0]) {
  const over = new AbortController();
  let starts = 0;
  async function keepOne(): Promise<void> {
    while (!over.signal.aborted) {
      const worker = await lab.addWorker(options);
      starts += 1;
      await Promise.race([
        worker.exited,
        new Promise((resolve) => over.signal.addEventListener("abort", resolve)),
      ]);
    }
  }
  const keeping = keepOne();
  return {
    starts: () => starts,
    async [Symbol.asyncDispose]() {
      over.abort();
      await keeping;
    },
  };
}

describe.concurrent("row 24: a job that takes its worker down", () => {
  it.each(FULL ? ["exit", "throw", "reject", "heap"] : ["exit", "heap"])(
    "by %s fails as worker_lost after three attempts; a neighbour is tried again and not blamed",
    async (how) => {
      await using book = await openNotebook();
      await using lab = await startLab({ workers: [] });
      await using witness = await openWitness(lab.broker.url);
      await using supervisor = supervise(lab, { name: "tough", handlers, env: SMALL_HEAP });
      const neighbour = await lab.submit({
        command: shell(book.note("runs"), book.await("go")),
        retry: { attempts: 1 },
      });
      await lab.until(neighbour, "running");
      const poison = await lab.submit({
        handler: "poison",
        input: { how },
        retry: { attempts: 9 },
      });
      const { attempts } = await lab.until(poison, "failed");
      expect(attempts.map(({ outcome }) => outcome)).toEqual(Array(3).fill("worker_lost"));
      await until(() => supervisor.starts() === 4, "the worker to be back", 30_000);
      book.say("go");
      await lab.until(neighbour, "succeeded");
      expect(await witness.record(neighbour)).toMatchObject({ failures: 0, state: "succeeded" });
    },
    120_000,
  );

  it("by blocking its event loop is taken from it, and what it says too late is refused", async () => {
    await using lab = await startLab({ workers: [{ name: "blocked", handlers }] });
    const blocked = lab.workers[0]!;
    const id = await lab.submit({
      handler: "poison",
      input: { how: "block", ms: 14_000 },
      onWorkerLost: "fail",
    });
    const { attempts } = await lab.until(id, "failed");
    expect(attempts).toMatchObject([{ worker: blocked.id, outcome: "worker_lost" }]);
    const next = await lab.submit({ command: ["true"], worker: blocked.id });
    await lab.until(next, "succeeded");
    expect((await lab.job(id)).state).toBe("failed");
  }, 120_000);
});
