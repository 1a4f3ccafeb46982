// What a reader may ask for: to go on where it stopped, the end only, since when, one channel, all attempts.
import { createHash, randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { LogEntry } from "../../../src/scheduler/logs/entry.ts";
import { CHUNK_HEADER, encodeLogRecord } from "../../../src/shared/chunk.ts";
import { until } from "../../lab/until.ts";
import {
  bytesOf,
  EXITED,
  jobId,
  readAll,
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

const read = (job: string, query: Partial<Parameters<typeof readAll>[1]> = {}) =>
  readAll(lab.reader, { job, ...query });

/** Stores one chunk as a worker would. */
function store(
  job: string,
  no: number,
  acked: number,
  offset: number,
  text: string,
): Promise<unknown> {
  const part = { kind: "bytes", channel: "stdout" } as const;
  const header = encodeLogRecord({
    no,
    acked,
    at: 1_000 + no,
    offsets: { stdout: offset, stderr: 0 },
    part,
  });
  const subject = lab.worker.subjects.logs.of(job, 1);
  return lab.worker.publish(subject, text, { headers: { [CHUNK_HEADER]: header } });
}

/** A finished attempt that printed numbered lines, in chunks of a few lines, among the output of others. */
async function printed(job: string, lines: number): Promise<string> {
  lab.jobs.begin(job, 1);
  let text = "";
  let offset = 0;
  for (let line = 0, no = 0; line < lines; no += 1) {
    let chunk = "";
    for (let i = 0; i < 1 + (no % 5) && line < lines; i += 1) chunk += `line ${line++}\n`;
    await store(job, no, no, offset, chunk);
    if (no % 3 === 0) await store(jobId("noise"), no, no, 0, "noise");
    offset += chunk.length;
    text += chunk;
  }
  lab.jobs.end(job);
  return text;
}

describe("reading output", () => {
  it("goes on at any cursor without gap or repeat, while the attempt writes", async () => {
    const job = jobId("cursors");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper({ chunkBytes: 10_000 }).open({ job, attempt: 1 });
    const bytes = randomBytes(6_000_000);
    const writing = writeAll(sink, "stdout", bytes, 7_001).then(async () => {
      await sink.close(EXITED);
      lab.jobs.end(job);
    });
    const got: LogEntry[] = [];
    let reads = 0;
    while (got.at(-1)?.kind !== "end") {
      const last = got.at(-1);
      const query = { job, attempt: 1, follow: true, ...(last ? { from: last.cursor } : {}) };
      let left = 1 + ((reads++ * 37) % 90);
      for await (const entries of lab.reader.read(query, AbortSignal.timeout(30_000))) {
        got.push(...entries.slice(0, left));
        left -= entries.length;
        if (left <= 0) break;
      }
    }
    await writing;
    expect(reads).toBeGreaterThan(5);
    expect(bytesOf(got).equals(bytes)).toBe(true);
    expect(await read(job, { from: got.at(-1)!.cursor, follow: true })).toEqual([]);
  });

  it("gives the end to who stopped just before it", async () => {
    const job = jobId("beforeend");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper().open({ job, attempt: 1 });
    void sink.write("stdout", Buffer.from("all"));
    await sink.close(EXITED);
    lab.jobs.end(job);
    const [chunk, end] = await read(job);
    expect(await read(job, { from: chunk!.cursor })).toEqual([end]);
  });

  it("refuses cursors of other jobs, other attempts and nobody", async () => {
    const job = jobId("owncursor");
    await printed(job, 3);
    const [entry] = await read(job);
    const code = (query: object) => read(job, query).catch((error: { code: string }) => error.code);
    expect(await code({ from: "nonsense" })).toBe("invalid_cursor");
    const other = jobId("other");
    await expect(read(other, { from: entry!.cursor })).rejects.toMatchObject({
      code: "invalid_cursor",
    });
    lab.jobs.begin(job, 2);
    expect(await code({ attempt: 2, from: entry!.cursor })).toBe("invalid_cursor");
    expect(await code({ attempt: 3 })).toBe("attempt_not_found");
  });

  it("gives the last lines without reading all", async () => {
    const job = jobId("tail");
    const text = await printed(job, 2_000);
    const lines = text.trimEnd().split("\n");
    for (const tail of [1, 2, 3, 4, 50, 1_999, 2_000, 5_000]) {
      const expected = `${lines.slice(-tail).join("\n")}\n`;
      expect(textOf(await read(job, { tail }))).toBe(expected);
    }
    expect(textOf(await read(job, { tail: 0 }))).toBe("");
  });

  it("counts a last line without its end, and the lines of one channel only", async () => {
    const job = jobId("taillast");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper().open({ job, attempt: 1 });
    void sink.write("stdout", Buffer.from("a\nb\n"));
    void sink.write("stderr", Buffer.from("x\ny\nz\n"));
    void sink.write("stdout", Buffer.from("c\nd"));
    await sink.close(EXITED);
    lab.jobs.end(job);
    expect(textOf(await read(job, { tail: 1 }))).toBe("d");
    expect(textOf(await read(job, { tail: 3, channel: "stdout" }))).toBe("b\nc\nd");
    expect(textOf(await read(job, { tail: 2, channel: "stderr" }))).toBe("y\nz\n");
  });

  it("follows on after the last lines", async () => {
    const job = jobId("tailfollow");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper().open({ job, attempt: 1 });
    void sink.write("stdout", Buffer.from("one\ntwo\n"));
    await until(async () => (await read(job)).length > 0, "the first lines");
    const seen: LogEntry[] = [];
    const following = readAll(lab.reader, { job, tail: 1, follow: true }, (entries) => {
      seen.push(...entries);
    });
    await until(() => textOf(seen) === "two\n", "the last line");
    void sink.write("stdout", Buffer.from("three\n"));
    await until(() => textOf(seen) === "two\nthree\n", "the next line");
    await sink.close(EXITED);
    lab.jobs.end(job);
    await following;
  });

  it("gives what was written since an instant", async () => {
    const job = jobId("since");
    await printed(job, 900);
    const all = await read(job);
    for (const since of [0, 1_001, 1_150, 1_298, 9_999]) {
      const expected = all.filter((entry) => entry.kind === "chunk" && entry.at >= since);
      expect(textOf(await read(job, { since }))).toBe(textOf(expected));
    }
  });

  it("goes on to the next attempt while the job is followed", async () => {
    const job = jobId("retried");
    const seen: LogEntry[] = [];
    const following = readAll(lab.reader, { job, follow: true }, (entries) => {
      seen.push(...entries);
    });
    for (const attempt of [1, 2]) {
      lab.jobs.begin(job, attempt);
      const sink = lab.shipper().open({ job, attempt });
      void sink.write("stdout", Buffer.from(`attempt ${attempt}\n`));
      await sink.close(EXITED);
      lab.jobs.end(job, ...(attempt === 1 ? (["retried"] as const) : []));
      await until(() => seen.at(-1)?.kind === "end" && seen.at(-1)?.attempt === attempt, "the end");
    }
    expect(textOf(await following)).toBe("attempt 1\nattempt 2\n");
    expect(textOf(await read(job))).toBe("attempt 2\n");
    expect(textOf(await read(job, { attempt: "all" }))).toBe("attempt 1\nattempt 2\n");
    expect(textOf(await read(job, { attempt: 1, follow: true }))).toBe("attempt 1\n");
    const firstCursor = seen.find(({ kind }) => kind === "end")!.cursor;
    expect(textOf(await read(job, { from: firstCursor }))).toBe("attempt 2\n");
  });

  it("puts repeated and late chunks in order and ignores what is no chunk", async () => {
    const job = jobId("disorder");
    lab.jobs.begin(job, 1);
    await store(job, 0, 0, 0, "a");
    await store(job, 2, 0, 2, "c");
    await lab.worker.publish(lab.worker.subjects.logs.of(job, 1), "rubbish");
    await store(job, 0, 0, 0, "a");
    await store(job, 1, 0, 1, "b");
    await store(job, 2, 0, 2, "c");
    lab.jobs.end(job);
    expect(textOf(await read(job))).toBe("abc");
  });

  it("ends as incomplete what a lost worker left, also for who follows", async () => {
    const job = jobId("lost");
    lab.jobs.begin(job, 1);
    await store(job, 0, 0, 0, "half a l");
    const following = read(job, { follow: true });
    lab.jobs.end(job);
    for (const entries of [await following, await read(job)]) {
      expect(textOf(entries)).toBe("half a l");
      expect(entries.at(-1)).toMatchObject({ kind: "end", complete: false });
    }
  });

  it("lets a slow follower catch up, with nothing kept for it", async () => {
    const job = jobId("slow");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper().open({ job, attempt: 1 });
    const hash = createHash("sha256");
    const seen = createHash("sha256");
    let closed = false;
    const following = readAll(lab.reader, { job, follow: true }, async (entries) => {
      seen.update(bytesOf(entries));
      await until(() => closed, "the writer to be done");
    });
    const bytes = randomBytes(1_000_000);
    for (let i = 0; i < 20; i += 1) {
      await writeAll(sink, "stdout", bytes, 65_536);
      hash.update(bytes);
    }
    await sink.close(EXITED);
    closed = true;
    lab.jobs.end(job);
    await following;
    expect(seen.digest("hex")).toBe(hash.digest("hex"));
  });
});
