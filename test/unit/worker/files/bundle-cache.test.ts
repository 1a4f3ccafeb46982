// The cache of bundles: one download for all, nothing of one that failed, room made from what nobody uses.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";

import { MillraceError } from "../../../../src/shared/errors.ts";
import { digestOf, type Digest } from "../../../../src/shared/file.ts";
import { createBundleCache } from "../../../../src/worker/files/bundle-cache.ts";
import { copyTree } from "../../../../src/worker/files/unpack.ts";
import { withoutBundle } from "../../../../src/worker/files/without-bundle.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";

let dir: TempDir;
let made = 0;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

const never = (): AbortSignal => new AbortController().signal;

/** An archive with a script, a link and a file of so many bytes. */
async function archive(size: number): Promise<Buffer> {
  const root = join(dir.path, `source-${made++}`);
  await mkdir(join(root, "bin"), { recursive: true });
  await writeFile(join(root, "bin", "run"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(root, `data-${made}`), "x".repeat(size));
  execFileSync("ln", ["-s", "bin/run", join(root, "link")]);
  return gzipSync(execFileSync("tar", ["-C", root, "-cf", "-", "."]));
}

type Lab = ReturnType<typeof labOf>;
function labOf(limitBytes: number) {
  const blobs = new Map<Digest, Buffer | Error>();
  const reads: Digest[] = [];
  const used: string[] = [];
  const path = join(dir.path, `cache-${made++}`);
  const cache = createBundleCache({
    files: {
      read(digest) {
        reads.push(digest);
        const blob = blobs.get(digest);
        return Readable.from(
          (async function* () {
            if (!(blob instanceof Buffer))
              throw blob ?? new MillraceError("file_not_found", "gone");
            yield blob;
          })(),
        );
      },
    },
    dir: path,
    limitBytes,
    onUse: (how) => used.push(how),
  });
  return { blobs, reads, used, cache, path };
}

async function put({ blobs }: Lab, size: number): Promise<Digest> {
  const bytes = await archive(size);
  blobs.set(digestOf(bytes), bytes);
  return digestOf(bytes);
}

it("fetches once for all who ask at the same time, and not again", async () => {
  const lab = labOf(1e6);
  const digest = await put(lab, 10);
  const uses = await Promise.all(Array.from({ length: 20 }, () => lab.cache.use(digest, never())));
  expect(new Set(uses.map(({ path }) => path)).size).toBe(1);
  using _again = await lab.cache.use(digest, never());
  expect(lab.reads).toEqual([digest]);
  expect(lab.used.filter((how) => how === "fetched")).toHaveLength(1);
  expect(lab.used.filter((how) => how === "kept")).toHaveLength(20);
  expect((await stat(join(uses[0]!.path, "bin", "run"))).mode & 0o777).toBe(0o555);
  expect(await readlink(join(uses[0]!.path, "link"))).toBe("bin/run");
});

it.each([
  ["gone", new MillraceError("file_not_found", "gone")],
  ["away", new MillraceError("broker_unavailable", "away")],
  ["broken", Buffer.from("no archive")],
])(
  "has nothing of a download that failed (%s), and tries again for the next one",
  async (_what, bad) => {
    const lab = labOf(1e6);
    const digest = await put(lab, 10);
    const good = lab.blobs.get(digest)!;
    lab.blobs.set(digest, bad);
    const uses = await Promise.allSettled([1, 2, 3].map(() => lab.cache.use(digest, never())));
    expect(uses.every(({ status }) => status === "rejected")).toBe(true);
    lab.blobs.set(digest, good);
    using bundle = await lab.cache.use(digest, never());
    expect(existsSync(join(bundle.path, "bin", "run"))).toBe(true);
    await lab.cache[Symbol.asyncDispose]();
    expect(await readdir(lab.path)).toHaveLength(1);
  },
);

it("makes room from the least recently used, and never from what is in use", async () => {
  const lab = labOf(250);
  const digests = [await put(lab, 100), await put(lab, 100), await put(lab, 100)] as const;
  const use = (digest: Digest) => lab.cache.use(digest, never());
  const first = await use(digests[0]);
  const second = await use(digests[1]);
  second[Symbol.dispose]();
  (await use(digests[0]))[Symbol.dispose]();
  (await use(digests[2]))[Symbol.dispose]();
  expect(existsSync(first.path)).toBe(true);
  (await use(digests[1]))[Symbol.dispose]();
  expect(lab.reads).toEqual([...digests, digests[1]]);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const tiny = labOf(0);
  const digest = await put(tiny, 100);
  const only = await tiny.cache.use(digest, never());
  expect(existsSync(only.path)).toBe(true);
  only[Symbol.dispose]();
  await tiny.cache[Symbol.asyncDispose]();
  expect(existsSync(only.path)).toBe(false);
});

it("lets go of whoever is stopped, and goes on for the others", async () => {
  const lab = labOf(1e6);
  const digest = await put(lab, 10);
  const stop = new AbortController();
  const stopped = lab.cache.use(digest, stop.signal);
  const other = lab.cache.use(digest, never());
  stop.abort(new Error("cancelled"));
  await expect(stopped).rejects.toThrow("cancelled");
  using bundle = await other;
  expect(existsSync(bundle.path)).toBe(true);
});

it("gives each attempt a copy that it may change", async () => {
  const lab = labOf(1e6);
  using bundle = await lab.cache.use(await put(lab, 10), never());
  const copy = join(dir.path, "copy");
  await mkdir(copy);
  await copyTree(bundle.path, copy);
  await writeFile(join(copy, "bin", "run"), "changed");
  expect((await stat(join(copy, "bin", "run"))).mode & 0o777).toBe(0o755);
  expect(await readFile(join(copy, "link"), "utf8")).toBe("changed");
  expect(await readFile(join(bundle.path, "bin", "run"), "utf8")).toBe("#!/bin/sh\n");
});

it.each([
  ["file_not_found", "ended", /was removed; push it again/],
  ["invalid_archive", "ended", /cannot be unpacked/],
  ["file_damaged", "ended", /cannot be unpacked/],
  ["broker_unavailable", "lost", /could not be fetched/],
] as const)("means for the attempt, when it is %s, that it is %s", (code, kind, reason) => {
  const end = withoutBundle("sha256:x", new MillraceError(code, "why"), false);
  expect(end.kind).toBe(kind);
  expect(JSON.stringify(end)).toMatch(reason);
  expect(withoutBundle("sha256:x", new MillraceError(code, "why"), true).kind).toBe("not_started");
});
