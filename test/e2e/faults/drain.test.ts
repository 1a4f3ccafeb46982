// Workers that are drained while jobs keep coming: row 20 of the fault table. What signals do stands in leaving.test.ts.
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";

import type { JobSpec } from "../../../src/shared/spec.ts";
import { startLab } from "../../lab/lab.ts";
import { openNotebook, openWitness, shell } from "./witness.ts";

it("row 20: draining one worker after the other under load loses no job and counts no attempt", async () => {
  await using book = await openNotebook();
  await using lab = await startLab({ workers: [{ name: "first", slots: 4 }] });
  await using witness = await openWitness(lab.broker.url);
  const kinds: JobSpec[] = [
    { command: shell(book.note("instant")) },
    { command: shell("sleep 0.3", book.note("slow")) },
    {
      command: shell(
        `tries=${book.path}/tries-$MILLRACE_JOB_ID`,
        "echo >> $tries; [ $(wc -l < $tries) -gt 1 ]",
      ),
      retry: { attempts: 3, backoff: { initial: "100ms", jitter: 0 } },
    },
  ];
  const ids: string[] = [];
  const over = new AbortController();
  async function keepSubmitting(): Promise<void> {
    for (let n = 0; !over.signal.aborted; n += 1) {
      ids.push(await lab.submit(kinds[n % kinds.length]!));
      await delay(20);
    }
  }
  const submitting = keepSubmitting();
  for (const name of ["second", "third"]) {
    const leaving = lab.workers.at(-1)!;
    await lab.addWorker({ name, slots: 4 });
    await lab.call("POST", `/v1/workers/${leaving.id}/drain`, { timeout: "100ms" });
    expect(await leaving.exited).toEqual({ code: 0, signal: null });
  }
  over.abort();
  await submitting;
  for (const id of ids) await lab.until(id, "succeeded");
  for (const id of ids) {
    const { failures, losses, attempts } = await witness.record(id);
    expect(losses).toBe(0);
    expect(attempts.filter(({ outcome }) => outcome === "exited")).toHaveLength(failures + 1);
  }
  expect(await witness.assignedTwice()).toEqual([]);
}, 120_000);
