// Every console block of the README, typed into one shell beside a `millrace dev`, prints what the README shows.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { MILLRACE, startDev, type Dev } from "./dev.ts";
import { consoleBlocks, fillIn, normalise } from "./readme/console-blocks.ts";
import { openShell, type Shell } from "./readme/shell.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const steps = consoleBlocks(readFileSync(`${ROOT}/README.md`, "utf8")).flat();

let dev: Dev;
let shell: Shell;
beforeAll(async () => {
  dev = await startDev("--handlers", `${ROOT}/examples/handlers`);
  const setup = `cd '${ROOT}'; npx() { shift; '${process.execPath}' '${MILLRACE}' "$@"; }`;
  shell = await openShell(setup, {
    MILLRACE_DATA_DIR: dev.stateDir,
    MILLRACE_URL: undefined,
    NO_COLOR: undefined,
  });
});
afterAll(async () => {
  await shell?.[Symbol.asyncDispose]();
  await dev?.[Symbol.asyncDispose]();
});

it("has something to run", () => expect(steps.length).toBeGreaterThan(5));

it.each(steps)(
  "line $line: $command",
  async ({ command, expected }) => {
    const here = command.replaceAll("http://localhost:7070", dev.url);
    const printed = normalise(await shell.run(here));
    expect(printed).toEqual(fillIn(normalise(expected), printed));
  },
  150_000,
);
