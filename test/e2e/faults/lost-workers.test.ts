// Workers that die, freeze or come back: rows 1, 2 and 4 of the fault table.
import { expect, it } from "vitest";

import { listProcesses, readProcessFile } from "../../../src/worker/launcher/procfs.ts";
import { ask, demand, type WorkerView } from "../../lab/api.ts";
import { startLab, type LabWorker } from "../../lab/lab.ts";
import { freePorts } from "../../lab/ports.ts";
import { until } from "../../lab/until.ts";
import { isFrozen, openNotebook, openWitness, processesOf, shell, untilGone } from "./witness.ts";

/** Shell: true from the second attempt on. */
const AGAIN = '[ "$MILLRACE_ATTEMPT" -gt 1 ]';
const LOST_THEN_DONE = [
  { number: 1, outcome: "worker_lost" },
  { number: 2, outcome: "exited", exitCode: 0 },
];

const once = (line: string) => [`${AGAIN} && exit 0`, line];

/** Number of the process that starts the worker's programs. */
const launcherOf = ({ pid }: LabWorker) =>
  Number(listProcesses().find((other) => parentOf(other) === pid));

function parentOf(pid: string): number | undefined {
  const stat = readProcessFile(pid, "stat")?.toString();
  const parent = stat?.replace(/^.*\) /s, "").split(" ")[1];
  return parent === undefined ? undefined : Number(parent);
}

it("row 1: kill -9 of workers with attempts in every phase loses each once, and each runs elsewhere", async () => {
  await using book = await openNotebook();
  const workers = ["a", "b"].map((side) => ({
    name: `victim-${side}`,
    slots: 8,
    labels: { side },
  }));
  await using lab = await startLab({ workers });
  await using witness = await openWitness(lab.broker.url);
  const [victim, stuck] = ["a", "b"].map((side) =>
    lab.workers.find(({ id }) => id.startsWith(`victim-${side}`)),
  ) as [LabWorker, LabWorker];
  const submit = (lines: string[], side = "a") =>
    lab.submit({ command: shell(book.note("begins"), ...lines), require: [`side=${side}`] });

  const recorded = await submit(once("echo so far; setsid sleep 600 & sleep 600"));
  const finishing = await submit(once(book.await("finish")));
  for (const id of [recorded, finishing]) await witness.until(id, "running");
  const unrecorded = await submit(once(`kill -STOP ${victim.pid}; sleep 600`));
  await until(() => isFrozen(victim.pid), "the worker to stand still");
  const unreceived = await submit([]);
  process.kill(launcherOf(stuck), "SIGSTOP");
  const spawning = await submit([], "b");
  for (const id of [unreceived, spawning]) await lab.until(id, "running");
  await until(async () => (await witness.heldBy(stuck.id)) === 1, "the assignment to be taken");
  book.say("finish");
  await untilGone(finishing);
  const jobs = [recorded, finishing, unrecorded, unreceived, spawning];
  const began = book.lines().map((line) => line.split(" ")[0]);
  expect(began).toHaveLength(3);
  expect(new Set(began)).toEqual(new Set([recorded, finishing, unrecorded]));

  const launcher = launcherOf(stuck);
  for (const { pid } of [victim, stuck]) process.kill(pid, "SIGKILL");
  process.kill(launcher, "SIGCONT");
  await untilGone(...jobs);
  await Promise.all(["a", "b"].map((side) => lab.addWorker({ name: "heir", labels: { side } })));
  for (const id of jobs)
    expect((await lab.until(id, "succeeded")).attempts).toMatchObject(LOST_THEN_DONE);
  expect(await lab.call("GET", `/v1/jobs/${recorded}/logs?attempt=1`)).toBe("so far\n");
  expect(await witness.assignedTwice()).toEqual([]);
}, 90_000);

it("row 1: what outlives kill -9 of worker and launcher together is gone before its host's next worker starts it again", async () => {
  await using book = await openNotebook();
  await using lab = await startLab({ workers: [{ name: "twice" }] });
  const [first] = lab.workers as [LabWorker];
  const id = await lab.submit({
    command: shell(
      `if ${AGAIN}; then`,
      // an orphan that is dead but was not waited for is no harm
      `for pid in $(cat ${book.path}/pids); do grep -qs "State:.[^ZX]" /proc/$pid/status && ${book.note("beside another")}; done`,
      "exit 0; fi",
      "trap '' TERM; setsid sleep 600 &",
      `echo $$ $! > ${book.path}/pids; ${book.note("begins")}; sleep 600`,
    ),
  });
  await book.untilNoted(/begins/);
  const pids = [launcherOf(first), first.pid];
  for (const signal of ["SIGSTOP", "SIGKILL"] as const)
    for (const pid of pids) process.kill(pid, signal);
  await first.exited;
  expect(processesOf(id).length).toBeGreaterThan(1);
  await lab.addWorker({ name: "twice" });
  expect((await lab.until(id, "succeeded")).attempts).toMatchObject(LOST_THEN_DONE);
  expect(book.lines()).toEqual([`${id} 1 begins`]);
  await untilGone(id);
});

it.concurrent("row 2: a worker frozen past its time has its late results refused, stops what it lost, and works again", async () => {
  await using book = await openNotebook();
  const [port] = await freePorts(1);
  await using lab = await startLab({
    workers: [{ name: "frozen", args: [`--metrics-port=${port}`] }],
  });
  await using witness = await openWitness(lab.broker.url);
  const [frozen] = lab.workers as [LabWorker];
  const ending = await lab.submit({
    command: shell("echo mine $MILLRACE_ATTEMPT", book.await("end-$MILLRACE_ATTEMPT")),
  });
  const endless = await lab.submit({
    command: shell(book.note("runs"), `${AGAIN} && exit 0`, "sleep 600"),
  });
  for (const id of [ending, endless]) await witness.until(id, "running");
  process.kill(frozen.pid, "SIGSTOP");
  const other = await lab.addWorker({ name: "other" });
  book.say("end-1");
  await lab.until(ending, "running", { attempt: 2 });
  await lab.until(endless, "succeeded", { attempt: 2 });
  expect(processesOf(endless).length).toBeGreaterThan(0);

  process.kill(frozen.pid, "SIGCONT");
  await untilGone(endless);
  const superseded = async () =>
    /^millrace_superseded_results_total (\d+)/m.exec(
      (await ask<string>(`http://127.0.0.1:${port}/metrics`, "GET")).body,
    )?.[1];
  await until(async () => (await superseded()) === "2", "both results to be refused", 30_000);
  const view = () => demand<WorkerView>(`${lab.url}/v1/workers/${frozen.id}`, "GET");
  await until(async () => (await view()).slots.free === 2, "the worker to be of use again", 30_000);

  book.say("end-2");
  const { attempts } = await lab.until(ending, "succeeded");
  expect(attempts).toMatchObject([
    { worker: frozen.id, outcome: "worker_lost", mayStillRun: true },
    { worker: other.id, outcome: "exited" },
  ]);
  expect(await lab.output(ending)).toBe("mine 2\n");
  expect(book.lines()).toHaveLength(2);
  const next = await lab.submit({ command: ["true"], worker: frozen.id });
  expect((await lab.until(next, "succeeded")).attempts).toHaveLength(1);
}, 90_000);

// by itself: it must be faster than the silence is long
it("row 4: what a worker had when it died is settled when it is back under its name, not by silence", async () => {
  await using lab = await startLab({ workers: [{ name: "back" }] });
  const [first] = lab.workers as [LabWorker];
  const id = await lab.submit({ command: shell(`${AGAIN} || sleep 600`) });
  await lab.until(id, "running");
  await first.kill("SIGKILL");
  const second = await lab.addWorker({ name: "back" });
  expect(second.id).not.toBe(first.id);
  const { attempts } = await lab.until(id, "succeeded");
  expect(attempts).toMatchObject([
    { worker: first.id, outcome: "worker_lost", reason: `Worker ${first.id} left.` },
    { worker: second.id, outcome: "exited" },
  ]);
  expect(attempts[0]).not.toHaveProperty("mayStillRun");
});
