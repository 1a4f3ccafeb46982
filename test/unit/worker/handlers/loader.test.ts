import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { loadHandlers } from "../../../../src/worker/handlers/loader.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "millrace-handlers-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const add = (file: string, source: string) => writeFile(join(dir, file), source);

it("finds the handlers of a directory by their names", async () => {
  await add("a.mjs", `export default { name: "one", run: () => 1 };`);
  await add("b.mjs", `export default { name: "two", run: () => 2 };`);
  await add("_part.mjs", `export const shared = 1;`);
  await add("notes.txt", `not a module`);
  expect([...(await loadHandlers(dir)).keys()]).toEqual(["one", "two"]);
});

it("refuses to start with modules that are no handlers, naming each", async () => {
  await add("a.mjs", `export default { name: "one", run: () => 1 };`);
  await add("b.mjs", `export default { name: "one", run: () => 2 };`);
  await add("c.mjs", `export const run = 1;`);
  await add("d.mjs", `throw new Error("broken module");`);
  await add("e.mjs", `export default { name: "e", run: 1 };`);
  await add("f.mjs", `export default { name: "f", run() {}, retry: { attempts: 0 } };`);
  const refusal = await loadHandlers(dir).catch((error: Error) => error.message);
  expect(refusal).toMatch(/b\.mjs: "one" is defined in a\.mjs/);
  expect(refusal).toMatch(/c\.mjs: .*export default/);
  expect(refusal).toMatch(/d\.mjs: broken module/);
  expect(refusal).toMatch(/e\.mjs: run must be a function/);
  expect(refusal).toMatch(/f\.mjs: retry\.attempts/);
});

it("has none without a directory, and says when there is no such directory", async () => {
  expect((await loadHandlers(undefined)).size).toBe(0);
  await expect(loadHandlers(join(dir, "absent"))).rejects.toThrow(/cannot be read/);
});
