// The broker goes away, freezes, refuses or fills up while an attempt writes: nothing is lost silently, and the attempt goes on.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createShipper } from "../../../src/worker/output/shipper.ts";
import { until } from "../../lab/until.ts";
import {
  bytesOf,
  EXITED,
  jobId,
  readAll,
  sha256,
  startOutputLab,
  writeAll,
  type OutputLab,
} from "./output-lab.ts";

let lab: OutputLab;
beforeAll(async () => {
  lab = await startOutputLab();
});
afterAll(() => lab[Symbol.asyncDispose]());

async function takeBrokerAway(): Promise<void> {
  await lab.server.kill();
  await until(() => !lab.worker.isUp() && !lab.scheduler.isUp(), "the broker to be missed");
}

async function bringBrokerBack(): Promise<void> {
  await lab.server.restart();
  await until(() => lab.worker.isUp() && lab.scheduler.isUp(), "the connections to be back");
}

describe("output during an outage", () => {
  it("waits on disk and is byte-exact afterwards, for who follows through it as well", async () => {
    const job = jobId("outage");
    lab.jobs.begin(job, 1);
    const following = readAll(lab.reader, { job, follow: true });
    const sink = lab.shipper().open({ job, attempt: 1 });
    const bytes = randomBytes(30_000_000);
    const writing = writeAll(sink, "stdout", bytes.subarray(0, 10_000_000), 40_000);
    await takeBrokerAway();
    await writing;
    await writeAll(sink, "stdout", bytes.subarray(10_000_000, 25_000_000), 40_000);
    await bringBrokerBack();
    await writeAll(sink, "stdout", bytes.subarray(25_000_000), 40_000);
    expect(await sink.close(EXITED)).toMatchObject({ stdout: bytes.length, dropped: 0 });
    lab.jobs.end(job);
    expect(sha256(bytesOf(await following))).toBe(sha256(bytes));
    expect(sha256(bytesOf(await readAll(lab.reader, { job })))).toBe(sha256(bytes));
  });

  it("survives a broker that freezes with chunks under way", async () => {
    const job = jobId("frozen");
    lab.jobs.begin(job, 1);
    const sink = lab.shipper({ stallMs: 50 }).open({ job, attempt: 1 });
    const bytes = randomBytes(8_000_000);
    await writeAll(sink, "stdout", bytes.subarray(0, 1_000_000), 40_000);
    await lab.server.pause();
    await writeAll(sink, "stdout", bytes.subarray(1_000_000), 40_000);
    await lab.server.resume();
    expect(await sink.close(EXITED)).toMatchObject({ dropped: 0 });
    expect(sha256(bytesOf(await readAll(lab.reader, { job })))).toBe(sha256(bytes));
  });

  it("keeps the first and the newest when the spool is full, and says what is missing", async () => {
    const job = jobId("full");
    lab.jobs.begin(job, 1);
    const limits = { spoolBytes: 3_000_000, tailBytes: 500_000 };
    const sink = lab.shipper(limits).open({ job, attempt: 1 });
    const bytes = randomBytes(10_000_000);
    await writeAll(sink, "stdout", bytes.subarray(0, 100_000), 40_000);
    await takeBrokerAway();
    await writeAll(sink, "stdout", bytes.subarray(100_000), 40_000);
    await bringBrokerBack();
    const totals = await sink.close(EXITED);
    const entries = await readAll(lab.reader, { job });
    const gap = entries.find((entry) => entry.kind === "gap");
    expect(gap).toMatchObject({ channel: "stdout", reason: "spool", dropped: totals.dropped });
    expect(gap!.offset).toBeGreaterThan(2_000_000);
    expect(bytes.length - gap!.offset - gap!.dropped).toBe(500_000);
    const expected = [bytes.subarray(0, gap!.offset), bytes.subarray(-500_000)];
    expect(sha256(bytesOf(entries))).toBe(sha256(Buffer.concat(expected)));
  });

  it("goes on with the newest when the disk cannot be used, and tells the worker", async () => {
    const job = jobId("nodisk");
    lab.jobs.begin(job, 1);
    const file = join(lab.spoolRoot, "file");
    await writeFile(file, "");
    const failures: unknown[] = [];
    const shipper = createShipper({
      broker: lab.worker,
      spoolRoot: join(file, "below"),
      limits: { tailBytes: 300_000 },
      onDiskFailure: (error) => failures.push(error),
    });
    const sink = shipper.open({ job, attempt: 1 });
    const bytes = randomBytes(5_000_000);
    await takeBrokerAway();
    await writeAll(sink, "stdout", bytes, 40_000);
    const closing = sink.close(EXITED);
    await bringBrokerBack();
    const totals = await closing;
    expect(failures.length).toBeGreaterThan(0);
    expect(totals.dropped).toBe(4_700_000);
    const entries = await readAll(lab.reader, { job });
    expect(sha256(bytesOf(entries))).toBe(sha256(bytes.subarray(-300_000)));
  });

  it("gives up at the end, and only then, when the broker stores nothing", async () => {
    const job = jobId("refused");
    lab.jobs.begin(job, 1);
    const broker = { ...lab.worker, publish: () => Promise.reject(new Error("no space")) };
    const shipper = createShipper({ broker, spoolRoot: lab.spoolRoot, limits: { giveUpMs: 200 } });
    const sink = shipper.open({ job, attempt: 1 });
    void sink.write("stderr", Buffer.from("lost"));
    const totals = await sink.close(EXITED);
    expect(totals).toEqual({ stdout: 0, stderr: 4, chunks: 0, dropped: 4 });
  });

  it("abandons what is open when the shipper stops", async () => {
    const job = jobId("stopped");
    lab.jobs.begin(job, 1);
    const shipper = lab.shipper();
    const stop = new AbortController();
    const running = shipper.run(stop.signal);
    const sink = shipper.open({ job, attempt: 1 });
    await takeBrokerAway();
    void sink.write("stdout", Buffer.from("late"));
    const closing = sink.close(EXITED);
    stop.abort();
    await running;
    expect(await closing).toMatchObject({ dropped: 4 });
    await bringBrokerBack();
  });
});
