// The Millrace in memory behaves as a real one does, as far as one process can.
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { bytesOf, createMemoryMillrace, defineHandler, type LogEntry } from "../../../src/index.ts";

const halve = defineHandler({
  name: "halve",
  input: z.object({ n: z.number() }),
  run({ n }, { log }) {
    void log("halving", n);
    if (n % 2 !== 0) throw new Error("odd");
    return { half: n / 2 };
  },
});

let tries = 0;
const flaky = defineHandler({
  name: "flaky",
  retry: { attempts: 3, backoff: { initial: "1h" } },
  run() {
    tries += 1;
    if (tries < 3) throw new Error(`try ${tries}`);
    return tries;
  },
});

const endless = defineHandler({
  name: "endless",
  run: (_: unknown, { signal }) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
});

const leaving = defineHandler({
  name: "leaving",
  run: async (_: unknown, { artifact }) => {
    await artifact("b/text", "first");
    return [await artifact("b/text", "second"), await artifact("a", Buffer.of(1, 2))];
  },
});

const handlers = [halve, flaky, endless, leaving];

async function textOf(entries: AsyncIterable<LogEntry>): Promise<string> {
  let text = "";
  for await (const entry of entries)
    if (entry.kind === "chunk") text += Buffer.from(bytesOf(entry)).toString();
  return text;
}

describe("a Millrace in memory", () => {
  it("runs handlers by their types", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    const { half } = await millrace.run(halve, { n: 4 });
    expect(half).toBe(2);
    await expect(millrace.run(halve, { n: 3 })).rejects.toMatchObject({
      code: "job_unsuccessful",
      message: expect.stringContaining("odd"),
    });
    await expect(millrace.run("halve", { n: "x" })).rejects.toThrow("input.n");
    expect(millrace.jobs().map(({ state }) => state)).toEqual(["succeeded", "failed", "failed"]);
  });

  it("tries again without letting anybody wait", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    expect(await millrace.run(flaky, undefined)).toBe(3);
    expect(millrace.jobs()).toMatchObject([{ attempt: 3 }]);
  });

  it("plays programs, and gives their output live or later", async () => {
    await using millrace = createMemoryMillrace({
      program: ({ command }) => ({
        exitCode: command?.[0] === "false" ? 1 : 0,
        stdout: `ran ${command?.join(" ")}\n`,
      }),
    });
    const id = await millrace.submit({ command: ["make", "all"] });
    expect(await textOf(millrace.logs(id))).toBe("ran make all\n");
    const bad = await millrace.submit({ command: ["false"] });
    expect(await millrace.wait(bad)).toMatchObject({ state: "failed", exitCode: 1 });
    expect(await textOf(millrace.logs(bad, { follow: false }))).toBe("ran false\n");
    expect(await textOf(millrace.logs(bad, { channel: "stderr" }))).toBe("");
  });

  it("cancels, times out and retries", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    const id = await millrace.submit({ handler: "endless" });
    await millrace.cancel(id);
    expect(await millrace.wait(id)).toMatchObject({ state: "cancelled" });
    await expect(millrace.cancel(id)).rejects.toMatchObject({ code: "job_finished" });
    await millrace.retry(id);
    await expect(millrace.retry(id)).rejects.toMatchObject({ code: "job_not_finished" });
    const late = await millrace.submit({ handler: "endless", timeout: "5ms" });
    expect(await millrace.wait(late)).toMatchObject({ state: "failed", outcome: "timed_out" });
  });

  it("refuses what a real one refuses", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    await expect(millrace.submit({ command: [] })).rejects.toMatchObject({ field: "command" });
    await expect(millrace.submit({ handler: "none" })).rejects.toMatchObject({ field: "handler" });
    await expect(millrace.job("none")).rejects.toMatchObject({ code: "job_not_found" });
    const first = await millrace.submit({ handler: "halve", input: { n: 2 } }, { key: "a" });
    const again = await millrace.submit({ handler: "halve", input: { n: 2 } }, { key: "a" });
    expect(again).toBe(first);
  });

  it("keeps what handlers leave behind", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    const id = await millrace.submit({ handler: "leaving" });
    expect(await millrace.artifacts(id)).toMatchObject({ count: 0, files: [] });
    expect((await millrace.wait(id)).result).toEqual([true, true]);
    const { attempt, bytes, files } = await millrace.artifacts(id);
    expect([attempt, bytes, files.map(({ path }) => path)]).toEqual([1, 8, ["a", "b/text"]]);
    const pieces: Uint8Array[] = [];
    for await (const piece of millrace.artifact(id, "b/text")) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toBe("second");
    await expect(
      millrace.artifact(id, "none")[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({ code: "file_not_found" });
  });

  it("gives up a wait with its signal", async () => {
    await using millrace = createMemoryMillrace({ handlers });
    const id = await millrace.submit({ handler: "endless" });
    const signal = AbortSignal.timeout(5);
    await expect(millrace.wait(id, { signal })).rejects.toThrow("timeout");
  });
});
