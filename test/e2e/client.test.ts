// The library against real processes: its document's examples as they stand, and what it does when things go wrong.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../src/index.ts";
import { startLab, type Lab } from "../lab/lab.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HANDLERS = fileURLToPath(new URL("handlers", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../../docs/client.md", import.meta.url));
const EXAMPLE = /```js\n(?<code>.*?)```\n\n```text\n(?<printed>.*?)```/gs;

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ workers: [{ slots: 8, handlers: HANDLERS }] });
});
afterAll(() => lab[Symbol.asyncDispose]());

const run = promisify(execFile);

it("does what its document shows", async () => {
  const examples = [...(await readFile(DOCUMENT, "utf8")).matchAll(EXAMPLE)];
  expect(examples).toHaveLength(4);
  const env = { ...process.env, MILLRACE_URL: lab.url, NATS_URL: lab.broker.url };
  const printed = examples.map(async ({ groups }) => {
    const args = ["--input-type=module", "--eval", groups?.["code"] ?? ""];
    return (await run(process.execPath, args, { cwd: ROOT, env })).stdout;
  });
  expect(await Promise.all(printed)).toEqual(examples.map(({ groups }) => groups?.["printed"]));
});

describe.each(["HTTP", "NATS"])("over %s", (way) => {
  const open = () => connect({ url: lab.url, ...(way === "NATS" ? { nats: lab.broker.url } : {}) });

  it("submits once under a key, and says what is wrong with a spec", async () => {
    await using millrace = await open();
    const spec = { command: ["true"] };
    const key = `once over ${way}`;
    const [first, again] = await Promise.all([
      millrace.submit(spec, { key }),
      millrace.submit(spec, { key }),
    ]);
    expect(again).toBe(first);
    await expect(millrace.submit({ command: ["false"] }, { key })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
    await expect(millrace.submit({ command: ["true"], timeout: "soon" })).rejects.toMatchObject({
      code: "invalid_spec",
      field: "timeout",
    });
  });

  it("tells how a job ended, cancels it and runs it again", async () => {
    await using millrace = await open();
    const id = await millrace.submit({ script: "sleep 60" });
    await millrace.cancel(id);
    expect(await millrace.wait(id)).toMatchObject({ id, state: "cancelled" });
    await expect(millrace.cancel(id)).rejects.toMatchObject({ code: "job_finished" });
    await millrace.retry(id);
    await millrace.cancel(id);
    await millrace.wait(id);
    const bad = await millrace.submit({ script: "exit 3" });
    expect(await millrace.wait(bad)).toMatchObject({ state: "failed", exitCode: 3 });
    expect(await millrace.wait(bad)).toMatchObject({ state: "failed" });
    await expect(millrace.wait("0".repeat(20))).rejects.toMatchObject({ code: "job_not_found" });
  });

  it("gives up a wait with its signal", async () => {
    await using millrace = await open();
    const id = await millrace.submit({ command: ["true"], delay: "1h" });
    await expect(millrace.wait(id, { signal: AbortSignal.timeout(50) })).rejects.toThrow(
      /timeout|aborted/,
    );
    await millrace.cancel(id);
  });
});
