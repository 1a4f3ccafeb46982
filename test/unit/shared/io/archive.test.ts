// Archives: what people make goes in and comes out the same; what would harm whoever unpacks it is refused.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BUNDLE_LIMITS, type ArchiveLimits } from "../../../../src/shared/archive.ts";
import { readArchive, writeArchive } from "../../../../src/shared/io/archive.ts";
import { tempDir, type TempDir } from "../../../lab/temp-dir.ts";

type Entry = Partial<Header> & { name: string; content?: string };

let dir: TempDir;
beforeAll(async () => {
  dir = await tempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

const files = (...names: string[]): Entry[] => names.map((name) => ({ name, content: name }));

/** An archive that a hostile program could write. */
async function archiveOf(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries)
    if (content !== undefined) archive.entry(header, content);
    else if (header.type === undefined) archive.entry(header, "");
    else archive.entry(header);
  archive.finalize();
  return buffer(archive as AsyncIterable<Uint8Array>);
}

async function read(
  bytes: AsyncIterable<Uint8Array> | Buffer,
  limits: ArchiveLimits = BUNDLE_LIMITS,
): Promise<{ seen: string[]; facts: object }> {
  const seen: string[] = [];
  const source = Buffer.isBuffer(bytes) ? Readable.from(inParts(bytes)) : bytes;
  const facts = await readArchive(source, limits, async (placed, content) => {
    const { kind, path } = placed;
    const what = {
      directory: () => "",
      file: async () =>
        `${"executable" in placed && placed.executable ? "x " : ""}${await text(content)}`,
      link: () => `-> ${"target" in placed ? placed.target : ""}`,
      copy: () => `= ${"of" in placed ? placed.of : ""}`,
    };
    seen.push(`${path}${kind === "directory" ? "/" : ""} ${await what[kind]()}`.trim());
  });
  return { seen, facts };
}

function* inParts(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}

const long = (length: number): string => "n".repeat(length);

async function makeTree(): Promise<string> {
  const root = join(dir.path, "tree");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "empty"));
  await writeFile(join(root, "bin", "run.sh"), "#!/bin/sh\necho hi\n");
  await chmod(join(root, "bin", "run.sh"), 0o750);
  await writeFile(join(root, "größe.txt"), "x".repeat(3_000));
  await writeFile(join(root, "nothing"), "");
  await writeFile(join(root, `${"long-".repeat(40)}name`), "long");
  await symlink("../nothing", join(root, "bin", "up"));
  return root;
}

const TREE = [
  "bin/",
  "bin/run.sh x #!/bin/sh\necho hi",
  "bin/up -> ../nothing",
  "empty/",
  `${"long-".repeat(40)}name long`,
  `größe.txt ${"x".repeat(3_000)}`,
  "nothing",
];

describe("an archive", () => {
  it("of a directory has all of it, the same bytes every time, and nothing of when and whose", async () => {
    const root = await makeTree();
    const first = await buffer(writeArchive(root));
    expect((await buffer(writeArchive(root))).equals(first)).toBe(true);
    const { seen, facts } = await read(first);
    expect(seen.toSorted()).toEqual(TREE.toSorted());
    expect(facts).toEqual({ files: 4, bytes: 3_022 });
    expect((await read(gunzipSync(first))).seen).toEqual(seen);
    expect((await read(writeArchive(join(root, "nothing")))).seen).toEqual(["nothing"]);
  });

  it.each(["gnu", "pax"])("that tar made in its %s format is read", async (format) => {
    const root = join(dir.path, "tree");
    const made = execFileSync("tar", ["-C", root, `--format=${format}`, "-cf", "-", "."]);
    expect((await read(made)).seen.toSorted()).toEqual(TREE.toSorted());
  });

  it("can have hard links to earlier files, which count as often as they are there", async () => {
    const bytes = await archiveOf(
      { name: "a", content: "12345" },
      { name: "d/b", type: "link", linkname: "./a" },
    );
    expect(await read(bytes)).toEqual({
      seen: ["a 12345", "d/b = a"],
      facts: { files: 2, bytes: 10 },
    });
  });

  it.each<[string, Entry[], RegExp]>([
    ["..", [{ name: "../x" }], /leads out/],
    [".. inside", [{ name: "a/../../x" }], /leads out/],
    ["an absolute name", [{ name: "/etc/x" }], /absolute/],
    ["a control character", [{ name: "a\nb" }], /control characters/],
    ["a name that is not UTF-8", [{ name: "a\uFFFD" }], /UTF-8/],
    ["a long part", [{ name: long(256) }], /more than 255/],
    ["a long name", [{ name: Array.from({ length: 9 }, () => long(120)).join("/") }], /too long/],
    ["a deep name", [{ name: "a/".repeat(65) + "b" }], /deeper/],
    ["a reserved name", [{ name: ".Millrace-script" }], /uses itself/],
    ["an absolute link", [{ name: "l", type: "symlink", linkname: "/etc/passwd" }], /leads out/],
    ["a link out", [{ name: "d/l", type: "symlink", linkname: "../../x" }], /leads out/],
    [
      "a link that goes up late",
      [{ name: "l", type: "symlink", linkname: "a/../../x" }],
      /leads out/,
    ],
    ["an empty link", [{ name: "l", type: "symlink", linkname: "" }], /leads out|whole tar/],
    [
      "a file through a link",
      [
        { name: "l", type: "symlink", linkname: "d" },
        { name: "l/x", content: "x" },
      ],
      /no directory/,
    ],
    [
      "a link in place of a directory",
      [
        { name: "d/x", content: "x" },
        { name: "d", type: "symlink", linkname: "e" },
      ],
      /twice/,
    ],
    ["a file below a file", files("f", "f/x"), /no directory/],
    ["the same name twice", files("f", "./f"), /twice/],
    ["names that differ by case", files("f", "F"), /case only/],
    ["directories that differ by case", files("d/a", "D/b"), /case only/],
    ["a hard link out", [{ name: "h", type: "link", linkname: "../etc/passwd" }], /leads out/],
    ["a hard link to nothing", [{ name: "h", type: "link", linkname: "later" }], /no earlier file/],
    [
      "a hard link to a link",
      [
        { name: "l", type: "symlink", linkname: "d" },
        { name: "h", type: "link", linkname: "l" },
      ],
      /no earlier file/,
    ],
    ["a device", [{ name: "null", type: "character-device" }], /only files/],
    ["a block device", [{ name: "sda", type: "block-device" }], /only files/],
    ["a FIFO", [{ name: "pipe", type: "fifo" }], /only files/],
  ])("with %s is refused", async (_what, entries, reason) => {
    await expect(read(await archiveOf(...entries))).rejects.toMatchObject({
      code: "invalid_archive",
      message: expect.stringMatching(reason),
    });
  });

  it("makes nothing run with another's rights", async () => {
    const { seen } = await read(await archiveOf({ name: "su", mode: 0o6755, content: "x" }));
    expect(seen).toEqual(["su x x"]);
  });

  it("that is more than the limits is refused as soon as that is known", async () => {
    const small = { entries: 10, bytes: 1_000 };
    const many = Array.from({ length: 11 }, (_, n) => ({ name: `f${n}`, content: "" }));
    await expect(read(await archiveOf(...many), small)).rejects.toThrow(/more than 10/);
    const big = await archiveOf(
      { name: "a", content: long(900) },
      { name: "b", content: long(200) },
    );
    await expect(read(big, small)).rejects.toThrow(/more than 1000 bytes/);
    const copied = await archiveOf(
      { name: "a", content: long(600) },
      { name: "b", type: "link", linkname: "a" },
    );
    await expect(read(copied, small)).rejects.toThrow(/more than 1000 bytes/);
  });

  it("that grows without end is refused before it has grown", async () => {
    const archive = pack();
    archive.entry({ name: "zeros", size: 10 * 2 ** 30 });
    const [head] = await once(archive, "data");
    archive.destroy();
    let given = 0;
    async function* bomb() {
      for (yield head as Buffer; ; given += 2 ** 20) yield Buffer.alloc(2 ** 20);
    }
    await expect(read(bomb())).rejects.toThrow(/more than/);
    expect(given).toBeLessThan(4 * 2 ** 20);
    const twice = gzipSync(gzipSync(await archiveOf({ name: "a", content: "" })));
    await expect(read(twice)).rejects.toThrow(/whole/);
  });

  it("that was cut anywhere is refused, plain or gzipped", async () => {
    const zeros = "\0".repeat(1_024);
    const whole = await archiveOf({ name: "a", content: long(600) }, { name: "b", content: zeros });
    const zipped = gzipSync(whole);
    for (const end of [0, 1, 511, 512, 900, 1_024, 1_536, 2_048, 2_500, 3_072])
      await expect(read(whole.subarray(0, end))).rejects.toMatchObject({ code: "invalid_archive" });
    for (const end of [1, 9, 20, zipped.length - 9, zipped.length - 1])
      await expect(read(zipped.subarray(0, end))).rejects.toMatchObject({
        code: "invalid_archive",
      });
    await expect(read(Buffer.from("not an archive".repeat(100)))).rejects.toMatchObject({
      code: "invalid_archive",
    });
    expect((await read(zipped)).facts).toEqual({ files: 2, bytes: 1_624 });
  });

  it("whose source fails says so, and stops reading when it is refused", async () => {
    const whole = await archiveOf({ name: "../a", content: "a" });
    let stopped = false;
    async function* source(fails: boolean) {
      try {
        yield whole.subarray(0, 512);
        if (fails) throw Object.assign(new Error("the line is dead"), { syscall: "read" });
        for (;;) yield Buffer.alloc(2 ** 16);
      } finally {
        stopped = true;
      }
    }
    await expect(read(source(false))).rejects.toThrow(/leads out/);
    expect(stopped).toBe(true);
    await expect(read(source(true))).rejects.toThrow(/leads out|dead/);
  });
});
