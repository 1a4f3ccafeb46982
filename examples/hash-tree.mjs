// SHA-256 of every file under a directory (default /usr/lib), spread over three workers of which one joins and one leaves half-way.
//
//   node examples/hash-tree.mjs [directory]
//
// Starts its own scheduler and workers as separate processes and submits at least 200 jobs: when half of them are done, the third
// worker comes and, with the other half under way, the first is drained. Compares the merged result with hashing here.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { millrace } from "./lib/api.mjs";

const directory = process.argv[2] ?? "/usr/lib";
const JOBS = 240;
/** Characters of file names per job on average; a job's standard input takes half a million bytes. */
const SHARE_SIZE = 100_000;
const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), "millrace-hash-tree-"));
const children = [];

/** Starts `millrace …` and resolves with the first line of JSON that it prints. */
async function start(...args) {
  const child = spawn(process.execPath, [cli, ...args, "--json"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  children.push({ child, gone });
  for await (const line of createInterface({ input: child.stdout }))
    return { child, gone, ready: JSON.parse(line) };
  throw new Error(`millrace ${args.join(" ")} ended before it was ready`);
}

/** Readable files whose names survive being text. */
function filesBelow(root) {
  const find = ["-type", "f", "-readable", "!", "-name", "*\n*"];
  const found = execFileSync("find", [root, ...find], { maxBuffer: 2 ** 28 }).toString();
  return found.split("\n").filter((file) => file !== "" && !file.includes("\uFFFD"));
}

/** Files in shares of about equal number, few enough for one job's standard input. */
function shares(files) {
  const size = files.join("\n").length;
  const count = Math.min(files.length, Math.max(JOBS, Math.ceil(size / SHARE_SIZE)));
  const dealt = Array.from({ length: count }, () => []);
  files.forEach((file, index) => dealt[index % count].push(file));
  return dealt.map((share) => share.join("\n"));
}

const sorted = (text) => text.trimEnd().split("\n").toSorted().join("\n");

try {
  const files = filesBelow(directory);
  if (files.length === 0) throw new Error(`${directory} has no files to read`);
  const { ready } = await start("dev", "--workers", "0", "--port", "0", "--data-dir", dataDir);
  const worker = (name) =>
    start("worker", "--nats", ready.nats, "--name", name, "--slots", "2", "--log-level", "warn");
  const api = millrace(ready.url);

  const leaving = await worker("leaving");
  await worker("staying");
  const specs = shares(files).map((stdin) => ({
    command: ["xargs", "-d", "\\n", "sha256sum", "--"],
    stdin,
    labels: { example: "hash-tree" },
  }));
  const half = Math.ceil(specs.length / 2);
  const allFinished = (ids) => Promise.all(ids.map((id) => api.finished(id)));

  const jobs = await allFinished(await api.submitAll(specs.slice(0, half)));
  const joining = await worker("joining");
  await api.registered(joining.ready.worker);
  const rest = await api.submitAll(specs.slice(half));
  await api.drain(leaving.ready.worker);
  jobs.push(...(await allFinished(rest)));
  await leaving.gone;

  const failed = jobs.filter((job) => job.state !== "succeeded");
  if (failed.length > 0)
    throw new Error(`${failed.length} jobs failed, the first: ${JSON.stringify(failed[0])}`);
  const outputs = [];
  for (const { id } of jobs) outputs.push((await api.output(id)).trimEnd());
  const merged = sorted(outputs.join("\n"));
  const here = sorted(
    execFileSync("xargs", ["-d", "\\n", "sha256sum", "--"], {
      input: files.join("\n"),
      maxBuffer: 2 ** 28,
    }).toString(),
  );

  console.log(`${files.length} files of ${directory} in ${jobs.length} jobs`);
  for (const name of ["leaving", "staying", "joining"])
    console.log(
      `  ${name}: ${jobs.filter((job) => job.worker.startsWith(`${name}-`)).length} jobs`,
    );
  console.log(merged === here ? "equal to hashing here" : "DIFFERENT from hashing here");
  process.exitCode = merged === here ? 0 : 1;
} finally {
  for (const { child } of children.toReversed()) child.kill("SIGTERM");
  await Promise.all(children.map(({ gone }) => gone));
  rmSync(dataDir, { recursive: true, force: true });
}
