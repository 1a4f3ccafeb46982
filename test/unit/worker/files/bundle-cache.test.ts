// The cache of bundles: one download for all, nothing of one that failed, room made from what nobody uses.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { MillraceError } from "../../../../src/shared/errors.ts";
import { digestOf, type Digest } from "../../../../src/shared/file.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import { createBundleCache } from "../../../../src/worker/files/bundle-cache.ts";
import { handOn, keptIn, type KeptBundle } from "../../../../src/worker/files/kept-bundles.ts";
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
function labOf(limitBytes: number, path = join(dir.path, `cache-${made++}`), left?: KeptBundle[]) {
  const blobs = new Map<Digest, Buffer | Error>();
  const reads: Digest[] = [];
  const used: string[] = [];
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
    ...(left === undefined ? {} : { left }),
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

/** A cache of its own with what another one had unpacked. */
async function inherited(limitBytes = 1e6) {
  const lab = labOf(1e6);
  const digests = [await put(lab, 100), await put(lab, 100)] as const;
  for (const digest of digests) (await lab.cache.use(digest, never()))[Symbol.dispose]();
  await lab.cache[Symbol.asyncDispose]();
  const path = join(dir.path, `heir-${made++}`);
  await handOn(lab.path, path, silentLog);
  const kept = await keptIn(path);
  const heir = labOf(limitBytes, path, kept);
  for (const [digest, blob] of lab.blobs) heir.blobs.set(digest, blob);
  return { ...heir, kept, digests, from: lab.path };
}

describe("what an earlier worker left", () => {
  it("is used as it is", async () => {
    const { cache, digests, reads, used, from } = await inherited();
    const uses = await Promise.all([1, 2, 3].map(() => cache.use(digests[0], never())));
    for (const { path } of uses) expect(await readlink(join(path, "link"))).toBe("bin/run");
    using _other = await cache.use(digests[1], never());
    expect([reads, used]).toEqual([[], ["kept", "kept", "kept", "kept"]]);
    expect(existsSync(from)).toBe(false);
  });

  it.each<[string, (files: string) => Promise<unknown>]>([
    ["another content", (files) => rewrite(join(files, "bin", "run"))],
    ["another right", (files) => chmod(join(files, "bin", "run"), 0o444)],
    ["a file more", (files) => writeFile(join(files, "more"), "")],
    ["a file less", (files) => rm(join(files, "bin", "run"))],
    ["a link elsewhere", (files) => relink(join(files, "link"))],
    ["nothing left of it", (files) => rm(files, { recursive: true })],
  ])("is fetched again when it has %s", async (_what, spoil) => {
    const { cache, digests, kept, reads, used, path } = await inherited();
    const { dir: spoilt } = kept.find(({ digest }) => digest === digests[0])!;
    await spoil(join(spoilt, "files"));
    const uses = await Promise.all([1, 2, 3].map(() => cache.use(digests[0], never())));
    expect(await readFile(join(uses[0]!.path, "bin", "run"), "utf8")).toBe("#!/bin/sh\n");
    expect([reads, used]).toEqual([[digests[0]], ["fetched", "kept", "kept"]]);
    await cache[Symbol.asyncDispose]();
    expect(existsSync(spoilt)).toBe(false);
    expect(await keptIn(path)).toHaveLength(2);
  });

  it("takes no more room than there is", async () => {
    const { cache, digests, reads, path } = await inherited(150);
    (await cache.use(digests[0], never()))[Symbol.dispose]();
    (await cache.use(digests[1], never()))[Symbol.dispose]();
    expect(reads.length).toBeGreaterThan(0);
    await cache[Symbol.asyncDispose]();
    expect(await keptIn(path)).toHaveLength(1);
  });

  it("goes to one of those that come, and only if it was whole", async () => {
    const { cache, path, kept } = await inherited();
    await cache[Symbol.asyncDispose]();
    await rm(join(kept[0]!.dir, "note.json"));
    const heirs = [1, 2, 3].map((n) => join(dir.path, `heirs-${made}-${n}`));
    await Promise.all(heirs.map((heir) => handOn(path, heir, silentLog)));
    const found = await Promise.all(heirs.map(keptIn));
    expect(found.flat().map(({ digest }) => digest)).toEqual([kept[1]!.digest]);
    await handOn(path, heirs[0]!, silentLog);
  });
});

async function rewrite(path: string): Promise<void> {
  await chmod(path, 0o755);
  await writeFile(path, "#!/bin/no\n");
  await chmod(path, 0o555);
}

async function relink(path: string): Promise<void> {
  await rm(path);
  await symlink("bin", path);
}

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
