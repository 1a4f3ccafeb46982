// Bundles with real processes: a corpus of this machine is pushed once, counted by many jobs on three workers, and checked here.
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startLab, type Lab } from "../lab/lab.ts";
import { spawnNode } from "../lab/spawn.ts";
import { tempDir, type TempDir } from "../lab/temp-dir.ts";
import { until } from "../lab/until.ts";

const MILLRACE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../examples/word-shards", import.meta.url));
const CORPUS = "/usr/share/common-licenses";
const JOBS = process.env["FULL"] === "1" ? 100 : 18;

let lab: Lab;
let dir: TempDir;
beforeAll(async () => {
  dir = await tempDir();
  lab = await startLab({ workers: [{ name: "a" }, { name: "b" }, { name: "c" }] });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

async function millrace(...args: string[]): Promise<string> {
  await using command = await spawnNode(MILLRACE, args, { MILLRACE_URL: lab.url });
  const { code } = await command.exited;
  if (code !== 0) throw new Error(`millrace ${args.join(" ")}: ${code}\n${command.stderr()}`);
  return command.stdout();
}

async function artifact(job: string, path: string): Promise<string> {
  const response = await fetch(`${lab.url}/v1/jobs/${job}/artifacts/${path}`);
  if (response.status !== 200) throw new Error(`${path} of ${job}: ${response.status}`);
  return response.text();
}

type Children = { jobs: { job: { id: string } }[] };

it("gives the jobs of three workers the files that were pushed once, each worker having fetched them once", async () => {
  const project = join(dir.path, "words");
  await cp(EXAMPLE, project, { recursive: true });
  await cp(CORPUS, join(project, "corpus"), { recursive: true, dereference: true });
  expect(await millrace("bundle", "push", project)).toMatch(
    /^words@1 {2}sha256:\S+ {2}\d+ files\n$/,
  );
  expect(await millrace("bundle", "push", project, "--tag=stable")).toMatch(/^words@1 /);
  expect(await millrace("bundle", "show", "words", "--json")).toContain('"latest","stable"');

  const spec = { command: ["./count.sh"], bundle: "words@stable", artifacts: ["out/words.tsv"] };
  const members = [{ name: "count", count: JOBS, spec }];
  const group = await lab.call<{ id: string }>("POST", "/v1/groups", { members });
  await lab.call("GET", `/v1/groups/${group.id}?wait=60s`);
  const { jobs } = await lab.call<Children>("GET", `/v1/groups/${group.id}/jobs?limit=200`);
  expect(jobs).toHaveLength(JOBS);
  const left = await Promise.all(jobs.map(({ job }) => artifact(job.id, "out/words.tsv")));

  const merge = (counts: string) =>
    execFileSync("sh", [join(EXAMPLE, "merge.sh")], { input: counts }).toString();
  execFileSync("sh", ["count.sh"], { cwd: project });
  const local = merge(await readFile(join(project, "out", "words.tsv"), "utf8"));
  expect(local.split("\n").length).toBeGreaterThan(1_000);
  expect(merge(left.join(""))).toBe(local);
  for (const worker of lab.workers)
    expect(worker.stderr().match(/"event":"bundle_fetched"/g)).toHaveLength(1);
});

it("leaves what a worker has fetched to the next one, however it ended", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const worker = lab.workers.at(-1)!;
    const run = async (id: string) =>
      lab.until(
        await lab.submit({ command: ["cat", "count.sh"], bundle: "words", worker: id }),
        "succeeded",
      );
    await run(worker.id);
    await worker.kill(signal);
    const next = await lab.addWorker({ name: "heir" });
    await run(next.id);
    expect(next.stderr()).not.toContain("bundle_fetched");
  }
});

it("gives each attempt a copy of its own, which it may change", async () => {
  const project = join(dir.path, "own");
  await mkdir(join(project, "data"), { recursive: true });
  await writeFile(join(project, "data", "count"), "0\n");
  await writeFile(join(project, "script"), "of the bundle\n");
  await writeFile(
    join(project, "run"),
    "#!/bin/sh\ncat data/count; echo 1 > data/count; cat data/count\n",
  );
  await chmod(join(project, "run"), 0o755);
  await millrace("bundle", "push", project);
  const run = async (...args: string[]) => millrace("run", "--bundle=own", ...args);
  expect(await run("--", "./run")).toBe("0\n1\n");
  expect(await run("--", "./run")).toBe("0\n1\n");
  const script = join(dir.path, "job.sh");
  await writeFile(script, 'cat script; ls -A "$MILLRACE_WORK_DIR"\n');
  expect(await run(`--script=${script}`)).toBe(
    "of the bundle\n.millrace-script\ndata\nrun\nscript\n",
  );
});

it("fails a job whose bundle was removed for good, and says why", async () => {
  const project = join(dir.path, "gone");
  await mkdir(project);
  await writeFile(join(project, "file"), "x");
  await millrace("bundle", "push", project);
  const held = await lab.submit({ command: ["true"], bundle: "gone", require: ["nowhere"] });
  const { digest } = (await lab.call<{ versions: { digest: string }[] }>("GET", "/v1/bundles/gone"))
    .versions[0]!;
  await millrace("bundle", "rm", "gone");
  // what a job needs stays: it is named by its digest
  expect((await lab.job(held)).spec.bundle).toBe(digest);
  await lab.call("POST", `/v1/jobs/${held}/cancel`);
  await expect(lab.submit({ command: ["true"], bundle: "gone" })).rejects.toThrow(/422/);
});

it("exchanges the handlers of a running worker when their bundle changes", async () => {
  const project = join(dir.path, "tools");
  await mkdir(project);
  const push = async (answer: string) => {
    const module = `export default { name: "tell", run: () => "${answer}" };\n`;
    await writeFile(join(project, "tell.mjs"), module);
    await millrace("bundle", "push", project);
  };
  await push("one");
  const worker = await lab.addWorker({ name: "tools", args: ["--handlers-bundle=tools"] });
  const told = async () => {
    const id = await lab.submit({ handler: "tell" });
    return (await lab.until(id, "succeeded")).result;
  };
  expect(await told()).toBe("one");
  await push("two");
  await until(() => worker.stderr().match(/handlers_loaded/g)?.length === 2, "the new handlers");
  expect(await told()).toBe("two");
});
