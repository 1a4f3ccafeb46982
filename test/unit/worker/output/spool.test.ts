// The spool gives back what it was given, within its limits, and leaves nothing in the directory.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createBudget } from "../../../../src/worker/output/budget.ts";
import type { Segment } from "../../../../src/worker/output/chunker.ts";
import { createSpool, type Spool } from "../../../../src/worker/output/spool.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "millrace-spool-"));
});
afterEach(() => rm(dir, { recursive: true }));

const ignore = () => undefined;
const plain = (segments: Segment[]) =>
  segments.map((kept) => ({ ...kept, bytes: [...kept.bytes] }));

function segment(offset: number, bytes: Uint8Array): Segment {
  return {
    part: { kind: "bytes", channel: "stdout" },
    offsets: { stdout: offset, stderr: 0 },
    at: 5,
    bytes,
  };
}

async function readAll(spool: Spool): Promise<Segment[]> {
  const segments: Segment[] = [];
  while (spool.waiting > 0) segments.push(...(await spool.read()));
  return segments;
}

describe("spool", () => {
  it("gives back what it was given, in order, and has no name on the disk", async () => {
    const budget = createBudget(1_000_000);
    await using spool = createSpool({ dir, limitBytes: 1_000_000, budget, onFailure: ignore });
    const first = [...Array(6).keys()].map((i) => segment(i, new Uint8Array(60_000).fill(i)));
    const gap = { kind: "gap", channel: "stderr", dropped: 2, reason: "spool" } as const;
    const second = [
      { part: gap, offsets: { stdout: 9, stderr: 1 }, at: 6, bytes: new Uint8Array() },
    ];
    expect(await spool.append(first)).toBe(true);
    const begun = await spool.read();
    expect(await spool.append(second)).toBe(true);
    expect(await readdir(dir)).toEqual([]);
    expect(plain([...begun, ...(await readAll(spool))])).toEqual(plain([...first, ...second]));
  });

  it("keeps none when not all fit, and has its room again once everything was read", async () => {
    const budget = createBudget(2_000);
    await using spool = createSpool({ dir, limitBytes: 1_500, budget, onFailure: ignore });
    const piece = segment(0, new Uint8Array(1_000));
    expect(await spool.append([piece])).toBe(true);
    expect(await spool.append([piece])).toBe(false);
    expect(await readAll(spool)).toHaveLength(1);
    expect(await spool.append([piece])).toBe(true);
  });

  it("shares the worker's budget and gives it back when it ends", async () => {
    const budget = createBudget(1_500);
    const options = { dir, limitBytes: 10_000, budget, onFailure: ignore };
    const piece = segment(0, new Uint8Array(1_000));
    const one = createSpool(options);
    await using other = createSpool(options);
    expect(await one.append([piece])).toBe(true);
    expect(await other.append([piece])).toBe(false);
    await one[Symbol.asyncDispose]();
    expect(await other.append([piece])).toBe(true);
  });

  it("says so when the disk cannot be used", async () => {
    await writeFile(join(dir, "file"), "");
    const failures: unknown[] = [];
    const budget = createBudget(10_000);
    await using spool = createSpool({
      dir: join(dir, "file", "below"),
      limitBytes: 10_000,
      budget,
      onFailure: (error) => failures.push(error),
    });
    expect(await spool.append([segment(0, new Uint8Array(10))])).toBe(false);
    expect(failures).toHaveLength(1);
    expect(budget.hasRoom(10_000)).toBe(true);
  });
});
