// What others wrote cannot move the cursor, retitle or write the clipboard of whoever reads a note.
import { afterEach, expect, it, vi } from "vitest";

import { createTerminal } from "../../../src/cli/terminal.ts";

afterEach(() => void vi.restoreAllMocks());

it.each([
  ["clears", "reason: \u001b[2J", "reason: \\u001b[2J"],
  ["retitles", "\u001b]0;mine\u0007", "\\u001b]0;mine\\u0007"],
  ["writes the clipboard", "\u001b]52;c;cm0=\u009c", "\\u001b]52;c;cm0=\\u009c"],
  ["goes back over the line", "failed\rsucceeded", "failed\\u000dsucceeded"],
  ["turns the direction around", "exe.\u202etxt", "exe.\\u202etxt"],
  ["is a second line", "one\ntwo", "one\ntwo"],
])("what %s is shown as text", (_, text, shown) => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  createTerminal(false).note(text);
  expect(write.mock.calls.map(([line]) => line)).toEqual([`${shown}\n`]);
});
