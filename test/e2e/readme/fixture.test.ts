// The runner of README blocks, on a text of its own.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { consoleBlocks, fillIn, normalise } from "./console-blocks.ts";
import { openShell, type Shell } from "./shell.ts";

const blocks = consoleBlocks(readFileSync(new URL("fixture.md", import.meta.url), "utf8"));

describe("the blocks of a text", () => {
  it("are found with their commands, continued ones too, and their output", () => {
    expect(blocks.map((steps) => steps.map(({ line }) => line))).toEqual([
      [8, 9],
      [18, 23, 25, 26],
    ]);
    const [, [loop, , silent] = []] = blocks;
    expect(loop?.command).toBe('for n in 1 2 3; do\n  echo "$word $n"\ndone');
    expect(loop?.expected).toEqual(["kept 1", "…"]);
    expect(silent?.expected).toEqual([]);
  });

  it("must not begin with output", () => {
    expect(() => consoleBlocks("```console\nwhat?\n```")).toThrow("line 2");
  });
});

describe("a gap", () => {
  it.each([
    [["…"], []],
    [["…"], ["a", "b"]],
    [["a", "…"], ["a"]],
    [
      ["…", "c"],
      ["a", "c", "c"],
    ],
    [
      ["a", "…", "c", "…", "e"],
      ["a", "b", "c", "d", "e"],
    ],
  ])("%j stands for any lines in %j", (expected, actual) => {
    expect(fillIn(expected, actual)).toEqual(actual);
  });

  it.each([
    [
      ["…", "c"],
      ["a", "b"],
    ],
    [["a", "…"], ["b"]],
    [["a", "…", "a"], ["a"]],
    [["a"], ["a", "b"]],
  ])("%j does not make equal what differs: %j", (expected, actual) => {
    expect(fillIn(expected, actual)).not.toEqual(actual);
  });
});

it("keeps what must be the same", () => {
  const lines = ["exit code 7", "state  failed: exited 7", "1 worker fewer, 0 left"];
  expect(normalise(lines)).toEqual(lines);
});

describe("the shell", () => {
  let shell: Shell;
  beforeAll(async () => {
    shell = await openShell("true", {});
  });
  afterAll(() => shell[Symbol.asyncDispose]());

  it.each(blocks.flat())("line $line: $command", async ({ command, expected }) => {
    const printed = normalise(await shell.run(command));
    expect(printed).toEqual(fillIn(normalise(expected), printed));
  });
});
