// Jobs that do not want to end, or leave something running.
import { constants } from "node:os";
import { describe, expect, it } from "vitest";

import { until } from "../../lab/until.ts";
import { shell } from "../faults/witness.ts";
import { useHostileLab } from "./hostile-lab.ts";

const hostile = useHostileLab();
const KILLED = { state: "cancelled", outcome: "cancelled", signal: "SIGKILL" };

describe("a cancelled job", () => {
  it.each([
    ["ignores TERM", "trap '' TERM; sleep 600 & echo up; while :; do sleep 0.1; done"],
    [
      "forks twice and leaves the group",
      "trap '' TERM; (setsid sh -c 'sleep 600 & wait' &) ; setsid sleep 600 & echo up; sleep 600",
    ],
    [
      "gives itself another name",
      "trap '' TERM; bash -c 'exec -a innocent sleep 600' & echo up; wait; sleep 600",
    ],
    [
      "forks without an end in sight",
      "trap '' TERM; bomb() { [ $1 -gt 6 ] || { bomb $(($1 + 1)) & bomb $(($1 + 1)) & }; sleep 600; }; bomb 1 & sleep 0.5; echo up; wait",
    ],
  ])("that %s is dead with all of its processes", async (_what, script) => {
    expect(await hostile.cancel({ command: shell(script), grace: "300ms" })).toMatchObject(KILLED);
  });
});

describe("a job that ends by itself", () => {
  it.each([
    ["leaves a grandchild that holds its output open", "setsid sleep 600 & echo done"],
    ["leaves children in its group", "sleep 600 > /dev/null 2>&1 & echo done"],
    [
      "leaves a daemon that let go of everything",
      "setsid sh -c 'exec sleep 600' < /dev/null > /dev/null 2>&1 & sleep 0.2; echo done",
    ],
  ])("and %s succeeds, and nothing of it stays", async (_what, script) => {
    const job = await hostile.run({ command: shell(script) });
    expect(job).toMatchObject({ state: "succeeded", exitCode: 0 });
    expect((await hostile.output(job)).toString()).toBe("done\n");
  });

  it("and left a daemon behind is reported by the worker", async () => {
    const script = "setsid sh -c 'exec sleep 600' < /dev/null > /dev/null 2>&1 & sleep 0.2";
    const { id } = await hostile.run({ command: shell(script) });
    const told = () => hostile.lab.workers[0]!.stderr().includes(`"tag":"${id}.1"`);
    await until(told, "the worker to tell of it");
  });

  it("with its output closed keeps its exit code", async () => {
    const job = await hostile.run({ command: shell("exec >&- 2>&-; sleep 0.3; exit 4") });
    expect(job).toMatchObject({ state: "failed", outcome: "exited", exitCode: 4 });
  });

  const harmless = new Set([
    "SIGCHLD",
    "SIGCONT",
    "SIGURG",
    "SIGWINCH",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
  ]);
  const signals = Object.entries(constants.signals)
    .filter(
      ([name, number], i, all) =>
        !harmless.has(name) && all.findIndex(([, other]) => other === number) === i,
    )
    .map(([name]) => name);

  it("by a signal says by which", async () => {
    const jobs = await Promise.all(
      signals.map(async (name) => {
        const script = `ulimit -c 0; kill -${constants.signals[name as NodeJS.Signals]} $$; sleep 600`;
        const { outcome, signal } = await hostile.run({ command: shell(script) });
        return [name, outcome, signal];
      }),
    );
    expect(jobs).toEqual(signals.map((name) => [name, "signalled", name]));
  });

  it("only by its timeout has timed out", async () => {
    const job = await hostile.run({ command: ["sleep", "600"], timeout: "300ms" });
    expect(job).toMatchObject({ state: "failed", outcome: "timed_out" });
  });

  it("and never reads the half megabyte it was given has no trouble with that", async () => {
    const job = await hostile.run({ command: ["true"], stdin: "x".repeat(524_288) });
    expect(job).toMatchObject({ state: "succeeded" });
  });
});
