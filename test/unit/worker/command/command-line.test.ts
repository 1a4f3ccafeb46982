import { expect, test } from "vitest";

import { commandLine } from "../../../../src/worker/command/command-line.ts";

const line = (spec: Parameters<typeof commandLine>[0]) => commandLine(spec, "/w/script");

test("a command is taken as it is", () => {
  expect(line({ command: ["ls", "-l", "a b"] })).toEqual(["ls", "-l", "a b"]);
});

test("a shell gets the one element as its text", () => {
  expect(line({ command: ["echo $HOME"], shell: true })).toEqual(["/bin/sh", "-c", "echo $HOME"]);
});

test("a script without a #! line goes to the shell, with its arguments", () => {
  expect(line({ script: "echo $1\n", args: ["x"] })).toEqual(["/bin/sh", "/w/script", "x"]);
});

test("a script with a #! line is run itself", () => {
  expect(line({ script: "#!/usr/bin/env node\n", args: ["x"] })).toEqual(["/w/script", "x"]);
});

test("the interpreter asked for goes before a #! line", () => {
  expect(line({ script: "#!/bin/sh\n", interpreter: ["bash", "-eu"] })).toEqual([
    "bash",
    "-eu",
    "/w/script",
  ]);
});
