// A worker that can write no more: row 12 of the fault table.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import type { WorkerView } from "../../lab/api.ts";
import { startLab, type Lab, type LabWorker } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";
import { openNotebook, openWitness, shell } from "./witness.ts";

const FILE_LIMIT = 100_000;

/** From now on no file of the process can grow beyond a limit, as if the disk were full. */
const fillDisk = ({ pid }: LabWorker, bytes: number | "unlimited" = FILE_LIMIT) =>
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:`]);

async function untilCordoned(lab: Lab, { id }: LabWorker): Promise<void> {
  const view = () => lab.call<WorkerView>("GET", `/v1/workers/${id}`);
  await until(
    async () => (await view()).status === "cordoned",
    "the worker to cordon itself",
    30_000,
  );
}

it("row 12: a worker without room for work directories says so in the outcome, takes no more, and lives on", async () => {
  await using lab = await startLab({ workers: [{ name: "full" }] });
  const [full] = lab.workers as [LabWorker];
  fillDisk(full);
  const script = `exit 0\n${"#".repeat(2 * FILE_LIMIT)}`;
  const id = await lab.submit({
    script,
    retry: { attempts: 3, backoff: { initial: "10ms" }, on: ["spawn_failed"] },
  });
  await untilCordoned(lab, full);
  const spare = await lab.addWorker({ name: "spare" });
  expect((await lab.until(id, "succeeded")).attempts).toMatchObject([
    {
      worker: full.id,
      outcome: "spawn_failed",
      reason: expect.stringContaining("EFBIG") as string,
    },
    { worker: spare.id, outcome: "exited", exitCode: 0 },
  ]);
  fillDisk(full, "unlimited");
  await lab.call("POST", `/v1/workers/${full.id}/uncordon`);
  const next = await lab.submit({ script, worker: full.id });
  await lab.until(next, "succeeded");
});

it("row 12: output that neither broker nor disk will take is dropped with a word about it, and the job goes on", async () => {
  await using book = await openNotebook();
  await using lab = await startLab({ workers: [{ name: "full" }] });
  await using witness = await openWitness(lab.broker.url);
  const [full] = lab.workers as [LabWorker];
  const id = await lab.submit({
    command: shell(
      "echo first",
      book.await("away"),
      "head -c 20000000 /dev/zero",
      book.note("flooded"),
      book.await("back"),
      "echo last",
    ),
  });
  await witness.until(id, "running");
  fillDisk(full);
  await lab.broker.kill();
  book.say("away");
  await book.untilNoted(/flooded/);
  await lab.broker.restart();
  book.say("back");
  const [attempt] = (await lab.until(id, "succeeded")).attempts;
  const { stdout, dropped } = attempt!.output!;
  expect(stdout).toBe("first\nlast\n".length + 20_000_000);
  expect(dropped).toBeGreaterThan(0);
  const output = await lab.output(id);
  expect(output).toMatch(/^first\n/);
  expect(output).toMatch(/last\n$/);
  await untilCordoned(lab, full);
  expect(readFileSync(`/proc/${full.pid}/status`, "utf8")).toContain("State:");
}, 90_000);
