import { expect, test } from "vitest";

import type { FailedPart } from "../../../../src/worker/launcher/protocol.ts";
import { reasonOf } from "../../../../src/worker/launcher/refusal.ts";

test.each<[FailedPart, string, string, string]>([
  ["directory", "ENOENT", "prog", "/work: the working directory does not exist on the worker"],
  ["directory", "ENOTDIR", "prog", "/work: the working directory is not a directory"],
  ["directory", "EACCES", "prog", "/work: the worker may not enter the working directory (EACCES)"],
  ["program", "ENOENT", "prog", "prog: not found on the worker's PATH"],
  ["program", "ENOENT", "./prog", "./prog: no such file on the worker"],
  ["program", "EISDIR", "/usr", "/usr: is a directory"],
  ["program", "EACCES", "prog", "prog: is not executable for the worker"],
  ["program", "ELOOP", "prog", "prog: cannot be run (ELOOP)"],
  ["input", "ENOENT", "prog", "prog: its standard input cannot be opened (ENOENT)"],
  ["system", "EAGAIN", "prog", "the worker's host cannot start another process now (EAGAIN)"],
  [
    "system",
    "E2BIG",
    "prog",
    "arguments and environment are together larger than the system allows",
  ],
])("%s %s of %s", (part, code, name, reason) => {
  expect(reasonOf({ part, code, file: "" }, { argv: [name], cwd: "/work" })).toBe(reason);
});

test.each([
  ["/bin/zsh", "./a: its interpreter /bin/zsh does not exist on the worker"],
  ["", "./a: its interpreter or loader does not exist on the worker"],
])("a missing interpreter is named where it is known: '%s'", (file, reason) => {
  const failure = { part: "interpreter", code: "ENOENT", file } as const;
  expect(reasonOf(failure, { argv: ["./a"], cwd: "/" })).toBe(reason);
});

test("a name of any length leaves a reason that can be read", () => {
  const reason = reasonOf(
    { part: "program", code: "ENOENT", file: "" },
    { argv: ["x".repeat(10_000)], cwd: "/" },
  );
  expect(reason.length).toBeLessThan(300);
});
