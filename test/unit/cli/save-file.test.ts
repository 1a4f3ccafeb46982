// Files that a server sends are written whole, below their directory, and nowhere else.
import { mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { saveFile } from "../../../src/cli/save-file.ts";
import { digestOf } from "../../../src/shared/file.ts";
import { tempDir } from "../../lab/temp-dir.ts";

const content = Buffer.from("content");
const fileAt = (path: string) => ({ path, bytes: 7, digest: digestOf(content), mode: 0o750 });

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

it("writes it with its mode, in directories that it makes, over what was there", async () => {
  await using dir = await tempDir();
  const target = join(dir.path, "deep/er/file");
  expect(await saveFile(dir.path, fileAt("deep/er/file"), pieces("con", "tent"))).toBe(target);
  await saveFile(dir.path, fileAt("deep/er/file"), pieces("content"));
  expect(await readFile(target, "utf8")).toBe("content");
  expect((await stat(target)).mode & 0o777).toBe(0o750);
  expect(await readdir(join(dir.path, "deep/er"))).toEqual(["file"]);
});

it("leaves nothing of what is not as it was listed", async () => {
  await using dir = await tempDir();
  const saving = saveFile(dir.path, fileAt("file"), pieces("other"));
  await expect(saving).rejects.toMatchObject({ code: "file_damaged" });
  expect(await readdir(dir.path)).toEqual([]);
});

it("goes nowhere else, by name or by link", async () => {
  await using dir = await tempDir();
  await using other = await tempDir();
  await mkdir(join(dir.path, "in"));
  await symlink(other.path, join(dir.path, "in/link"));
  await symlink(join(other.path, "target"), join(dir.path, "in/file"));
  for (const path of ["../x", "/etc/x", "a/../../x"])
    await expect(saveFile(join(dir.path, "in"), fileAt(path), pieces("content"))).rejects.toThrow(
      "not written",
    );
  await expect(saveFile(dir.path, fileAt("in/link/x"), pieces("content"))).rejects.toThrow("link");
  await saveFile(dir.path, fileAt("in/file"), pieces("content"));
  expect(await readdir(other.path)).toEqual([]);
});
