// From the bytes of a running attempt to the bytes that a reader gets, over a real broker.
import { randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { OutputSink } from "../../../src/worker/output/sink.ts";
import { until } from "../../lab/until.ts";
import {
  bytesOf,
  EXITED,
  jobId,
  readAll,
  sha256,
  startOutputLab,
  textOf,
  writeAll,
  type OutputLab,
} from "./output-lab.ts";

let lab: OutputLab;
beforeAll(async () => {
  lab = await startOutputLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

/** A sink of attempt 1 of a job that the view knows as running. */
function openSink(name: string, maxBytes?: number): { job: string; sink: OutputSink } {
  const job = jobId(name);
  lab.jobs.begin(job, 1);
  const limit = maxBytes === undefined ? {} : { maxBytes };
  return { job, sink: lab.shipper().open({ job, attempt: 1, ...limit }) };
}

describe("output", () => {
  it("reaches a live follower and a later reader byte by byte", async () => {
    const { job, sink } = openSink("random");
    const following = readAll(lab.reader, { job, follow: true });
    const stdout = randomBytes(25_000_000);
    const stderr = randomBytes(25_000_000);
    await Promise.all([
      writeAll(sink, "stdout", stdout, 65_536),
      writeAll(sink, "stderr", stderr, 50_001),
    ]);
    const totals = await sink.close(EXITED);
    lab.jobs.end(job);
    expect(totals).toMatchObject({ stdout: 25_000_000, stderr: 25_000_000, dropped: 0 });
    for (const entries of [await following, await readAll(lab.reader, { job })]) {
      expect(sha256(bytesOf(entries, "stdout"))).toBe(sha256(stdout));
      expect(sha256(bytesOf(entries, "stderr"))).toBe(sha256(stderr));
      expect(entries.at(-1)).toMatchObject({
        kind: "end",
        complete: true,
        totals: {
          ...totals,
          ...EXITED,
          sha256: { stdout: sha256(stdout), stderr: sha256(stderr) },
        },
      });
    }
  });

  it("costs one message when all is known at once, and none when nothing was written", async () => {
    const { job, sink } = openSink("short");
    void sink.write("stdout", Buffer.from("x"));
    expect(await sink.close(EXITED)).toEqual({ stdout: 1, stderr: 0, chunks: 1, dropped: 0 });
    expect((await readAll(lab.reader, { job })).map(({ kind }) => kind)).toEqual(["chunk", "end"]);
    const silent = openSink("silent");
    const before = await lab.scheduler.streamState(lab.scheduler.subjects.logs.stream);
    expect(await silent.sink.close(EXITED)).toMatchObject({ chunks: 0, dropped: 0 });
    const after = await lab.scheduler.streamState(lab.scheduler.subjects.logs.stream);
    expect(after.lastSeq).toBe(before.lastSeq);
  });

  it("shows the first bytes of a pause at once", async () => {
    const { job, sink } = openSink("pauses");
    const seen: string[] = [];
    const following = readAll(lab.reader, { job, follow: true }, (entries) => {
      seen.push(textOf(entries));
    });
    for (const line of ["one\n", "two\n", "three\n"]) {
      void sink.write("stdout", Buffer.from(line));
      await until(() => seen.at(-1) === line, `the follower to see ${line}`);
    }
    await sink.close(EXITED);
    lab.jobs.end(job);
    expect(textOf(await following)).toBe("one\ntwo\nthree\n");
  });

  it("keeps the order of thousands of tiny writes over both channels", async () => {
    const { job, sink } = openSink("tiny");
    let expected = "";
    for (let i = 0; i < 5_000; i += 1) {
      const text = `${i} `;
      expected += text;
      await sink.write(i % 7 === 0 ? "stderr" : "stdout", Buffer.from(text));
    }
    const { chunks } = await sink.close(EXITED);
    expect(textOf(await readAll(lab.reader, { job }))).toBe(expected);
    expect(chunks).toBeLessThan(2_000);
  });

  it("keeps head and tail of what is more than the job may keep, with the gap between", async () => {
    const { job, sink } = openSink("capped", 1_000);
    const bytes = randomBytes(300_000);
    await writeAll(sink, "stdout", bytes, 777);
    const totals = await sink.close(EXITED);
    expect(totals).toMatchObject({ stdout: 300_000, dropped: 299_000 });
    const entries = await readAll(lab.reader, { job });
    expect(bytesOf(entries)).toEqual(Buffer.concat([bytes.subarray(0, 500), bytes.subarray(-500)]));
    expect(entries.find(({ kind }) => kind === "gap")).toMatchObject({
      channel: "stdout",
      offset: 500,
      dropped: 299_000,
      reason: "cap",
    });
  });

  it("forgets what an abandoned attempt did not store", async () => {
    const { job, sink } = openSink("abandoned");
    void sink.write("stdout", Buffer.from("stored"));
    await until(async () => (await readAll(lab.reader, { job })).length > 0, "the chunk");
    void sink.write("stdout", Buffer.from("never"));
    sink.abandon();
    void sink.write("stdout", Buffer.from("ignored"));
    expect(await sink.close(EXITED)).toMatchObject({ stdout: 11, chunks: 1, dropped: 5 });
    lab.jobs.end(job);
    const entries = await readAll(lab.reader, { job });
    expect(textOf(entries)).toBe("stored");
    expect(entries.at(-1)).toMatchObject({ kind: "end", complete: false });
  });
});
