// What an attempt's box takes: its own files only, within its limits, whatever happens to the files and the store meanwhile.
import { appendFile, chmod, link, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";

import { ARTIFACT_LIMITS, decodeManifest } from "../../../../src/shared/artifact.ts";
import { MillraceError } from "../../../../src/shared/errors.ts";
import { digestOf, type Digest } from "../../../../src/shared/file.ts";
import type { FileStore } from "../../../../src/shared/io/files.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import {
  createArtifactBox,
  type BoxOptions,
} from "../../../../src/worker/artifacts/artifact-box.ts";
import { openInside } from "../../../../src/worker/artifacts/open-inside.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";

let dir: TempDir;
let stored: Map<Digest, Uint8Array>;
beforeEach(async () => {
  dir = await tempDir();
  stored = new Map();
});
afterEach(() => dir[Symbol.asyncDispose]());

const put: FileStore["put"] = async (source, { limitBytes }) => {
  const pieces: Uint8Array[] = [];
  if (source instanceof Uint8Array) pieces.push(source);
  else for await (const piece of source) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (bytes.length > limitBytes) throw new MillraceError("body_too_large", "too large");
  const digest = digestOf(bytes);
  stored.set(digest, bytes);
  return { digest, size: bytes.length, stored: true };
};

const renew: FileStore["renew"] = async (digest) => stored.has(digest);

const box = (changes: Partial<BoxOptions> = {}) =>
  createArtifactBox({
    files: { put, renew },
    limits: ARTIFACT_LIMITS,
    owner: undefined,
    signal: () => new AbortController().signal,
    log: silentLog,
    ...changes,
  });

const file = async (path: string, content: string) => {
  const whole = join(dir.path, path);
  await mkdir(join(whole, ".."), { recursive: true });
  await writeFile(whole, content);
  return whole;
};

it("keeps what it took long before the end, and tells of what went all the same", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const renewed: Digest[] = [];
  const watched: FileStore["renew"] = (digest) => {
    renewed.push(digest);
    return renew(digest);
  };
  const one = box({ files: { put, renew: watched } });
  await one.add("kept", "a");
  await one.add("gone", "b");
  const [kept, gone] = [...stored.keys()] as [Digest, Digest];
  await vi.advanceTimersByTimeAsync(900_000);
  expect(renewed).toEqual([kept, gone]);
  stored.delete(gone);
  await vi.advanceTimersByTimeAsync(1_800_000);
  expect(renewed).toEqual([kept, gone, kept, gone, kept]);
  expect(await one.close()).toMatchObject({
    count: 1,
    bytes: 1,
    files: [{ path: "kept" }],
    note: "Left out: 1 that were gone before the end (gone).",
  });
  await vi.advanceTimersByTimeAsync(1_800_000);
  expect(renewed).toHaveLength(5);
});

it("takes what the patterns mean, once, whatever they overlap", async () => {
  await chmod(await file("out/b", "bb"), 0o700);
  await file("out/a", "a");
  await file("script", "#!");
  await file("other", "");
  const one = box();
  await one.collect(dir.path, ["out/**", "out/a", "**/b", "script"], ["script"]);
  expect(await one.close()).toEqual({
    count: 2,
    bytes: 3,
    files: [
      { path: "out/a", bytes: 1, digest: digestOf(Buffer.from("a")), mode: 0o644 },
      { path: "out/b", bytes: 2, digest: digestOf(Buffer.from("bb")), mode: 0o700 },
    ],
  });
});

it("goes through no link, not even to where a pattern begins", async () => {
  await file("real/a", "a");
  await symlink(join(dir.path, "real"), join(dir.path, "link"));
  const one = box();
  await one.collect(dir.path, ["link/a", "link/**", "link"], []);
  const left = await one.close();
  expect(left?.count).toBe(0);
  expect(left?.note).toContain("that are links (link");
});

it("opens nothing that is reached by a link, is no file, or is somebody else's", async () => {
  const path = await file("real/a", "a");
  await symlink("real", join(dir.path, "link"));
  await link(path, join(dir.path, "hard"));
  await using _closed = (await openInside(dir.path, "real/a", undefined))?.file;
  expect(_closed).toBeDefined();
  expect(await openInside(dir.path, "link/a", undefined)).toBeUndefined();
  expect(await openInside(dir.path, "real", undefined)).toBeUndefined();
  expect(await openInside(dir.path, "hard", 4_000_000)).toBeUndefined();
  await expect(openInside(dir.path, "link", undefined)).rejects.toMatchObject({ code: "ELOOP" });
});

it("fills its room with what fits, in order", async () => {
  for (const [path, bytes] of [
    ["a", 5],
    ["b", 9],
    ["c", 3],
    ["d", 2],
    ["e", 1],
  ] as const)
    await file(path, "x".repeat(bytes));
  const one = box({ limits: { files: 3, fileBytes: 8, totalBytes: 8 } });
  await one.collect(dir.path, ["*"], []);
  const left = await one.close();
  expect(left?.files?.map(({ path }) => path)).toEqual(["a", "c"]);
  expect(left?.note).toBe("Left out: 1 larger than 8 bytes (b); 2 beyond 8 bytes in all (d, …).");
});

it("keeps what can be kept when the store fails, or a file grows under it", async () => {
  const grown = await file("a", "a");
  for (const path of ["b", "c", "d"]) await file(path, path);
  const failing: FileStore["put"] = async (source, options) => {
    if (options.limitBytes === 1 && stored.size === 0) await appendFile(grown, "more");
    const done = await put(source, options);
    if (done.digest === digestOf(Buffer.from("c"))) throw new MillraceError("storage_full", "full");
    return done;
  };
  const one = box({ files: { put: failing, renew } });
  await one.collect(dir.path, ["*"], []);
  const left = await one.close();
  expect(left).toMatchObject({ count: 2, bytes: 2 });
  expect(left?.note).toContain("1 that grew while they were read (a)");
  expect(left?.note).toContain("1 that the broker has no space for (c)");
});

it("says so when nothing fits, and is silent when nothing was asked for", async () => {
  const one = box();
  await one.collect(dir.path, ["out/*", "x"], []);
  expect(await one.close()).toEqual({
    count: 0,
    bytes: 0,
    files: [],
    note: "Nothing fits out/*, x.",
  });
  expect(await box().close()).toBeUndefined();
});

it("takes texts, bytes and files of handlers, the last of a path", async () => {
  const one = box({ limits: { ...ARTIFACT_LIMITS, files: 2 } });
  expect(await one.add("a", "first")).toBe(true);
  expect(await one.add("a", Buffer.from("second"))).toBe(true);
  expect(await one.add("b", { file: await file("source", "from a file") })).toBe(true);
  expect(await one.add("c", "one too many")).toBe(false);
  await expect(one.add("../c", "")).rejects.toThrow("relative");
  await expect(one.add("b", { file: join(dir.path, "none") })).rejects.toThrow("ENOENT");
  expect(await one.add("c", "room again")).toBe(true);
  const left = await one.close();
  expect(left?.files?.map(({ path, bytes }) => [path, bytes])).toEqual([
    ["a", 6],
    ["c", 10],
  ]);
  expect(await one.add("late", "")).toBe(false);
});

it("puts a long list into a file of its own", async () => {
  const one = box();
  for (let i = 0; i < 40; i += 1) await one.add(`file-${i}`, String(i));
  const left = await one.close();
  expect(left?.files).toBeUndefined();
  const list = stored.get(left!.manifest!.digest);
  expect(decodeManifest(Buffer.from(list!).toString())).toHaveLength(40);
});
