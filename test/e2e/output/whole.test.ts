// Output is byte-exact: 50 MB of random bytes on each channel, followed live and read afterwards, are what the job wrote.
import { createHash, randomFillSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startLab, type Lab } from "../../lab/lab.ts";
import { tempDir, type TempDir } from "../../lab/temp-dir.ts";

const SIZE = 50_000_000;
const CHANNELS = ["stdout", "stderr"] as const;
type Channel = (typeof CHANNELS)[number];
/** Per channel the SHA-256 of its bytes. */
type Digests = Record<Channel, string>;

let lab: Lab;
let dir: TempDir;
beforeAll(async () => {
  dir = await tempDir();
  lab = await startLab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

it("live and afterwards, as text and as NDJSON", { timeout: 300_000 }, async () => {
  const written: Digests = {
    stdout: await writeRandom("stdout"),
    stderr: await writeRandom("stderr"),
  };
  const script = `while ! [ -e go ]; do sleep 0.1; done; cat stderr >&2 & cat stdout; wait`;
  const id = await lab.submit({ command: ["sh", "-c", script], cwd: dir.path });
  const logs = `${lab.url}/v1/jobs/${id}/logs`;

  const text = await openText(`${logs}?follow`);
  const entries = await openNdjson(`${logs}?follow`);
  await writeFile(join(dir.path, "go"), "");
  expect(await Promise.all([digestText(text), digestEntries(entries)])).toEqual([written, written]);

  const { attempts } = await lab.until(id, "succeeded");
  expect(attempts[0]?.output).toMatchObject({ stdout: SIZE, stderr: SIZE, dropped: 0 });
  expect(await digestText(await openText(`${logs}?attempt=1`))).toEqual(written);
  expect(await digestEntries(await openNdjson(`${logs}?attempt=1`))).toEqual(written);
});

async function writeRandom(name: string): Promise<string> {
  const bytes = randomFillSync(Buffer.allocUnsafe(SIZE));
  await writeFile(join(dir.path, name), bytes);
  return createHash("sha256").update(bytes).digest("hex");
}

async function open(url: string, accept: string): Promise<Readable> {
  const response = await fetch(url, { headers: { Accept: accept } });
  expect(response.status).toBe(200);
  return Readable.fromWeb(response.body as ReadableStream);
}

/** Text is the bytes alone, so each channel is asked for by itself. */
const openText = (url: string) =>
  Promise.all(CHANNELS.map((channel) => open(`${url}&channel=${channel}`, "text/plain")));
const openNdjson = (url: string) => open(url, "application/x-ndjson");

async function digestText(channels: readonly Readable[]): Promise<Digests> {
  const [stdout, stderr] = await Promise.all(
    channels.map(async (pieces) => {
      const hash = createHash("sha256");
      for await (const piece of pieces) hash.update(piece as Buffer);
      return hash.digest("hex");
    }),
  );
  return { stdout: stdout!, stderr: stderr! };
}

type Entry = { kind: string; no: number; channel: Channel; offset: number } & (
  | { base64: string; text?: undefined }
  | { text: string }
);

/** Numbers and offsets must have no gap; the last entry must be the end. */
async function digestEntries(lines: Readable): Promise<Digests> {
  const hashes = { stdout: createHash("sha256"), stderr: createHash("sha256") };
  const offsets = { stdout: 0, stderr: 0 };
  let chunks = 0;
  let last = "";
  for await (const line of createInterface({ input: lines })) {
    const entry = JSON.parse(line) as Entry;
    last = entry.kind;
    if (entry.kind !== "chunk") continue;
    expect([entry.no, entry.offset]).toEqual([chunks, offsets[entry.channel]]);
    const bytes =
      entry.text === undefined ? Buffer.from(entry.base64, "base64") : Buffer.from(entry.text);
    hashes[entry.channel].update(bytes);
    offsets[entry.channel] += bytes.length;
    chunks += 1;
  }
  expect(last).toBe("end");
  return { stdout: hashes.stdout.digest("hex"), stderr: hashes.stderr.digest("hex") };
}
