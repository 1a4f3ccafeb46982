// Runs programs through a launcher and keeps what they print; finds what is left of them.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { describe } from "vitest";

import type {
  Launched,
  Launcher,
  LauncherKind,
  LaunchExit,
  LaunchSpec,
} from "../../../../src/worker/launcher/launcher.ts";
import { nativeLauncher } from "../../../../src/worker/launcher/launcher-program.ts";
import { findTagged } from "../../../../src/worker/launcher/tagged-processes.ts";

const KINDS: readonly LauncherKind[] = ["native", "node"];

/** Both launchers must pass the same tests; the native one is missing where there is no C compiler. */
export function onEachLauncher(tests: (kind: LauncherKind) => void): void {
  for (const kind of KINDS) {
    const missing = kind === "native" && nativeLauncher() === undefined;
    describe.skipIf(missing)(`the ${kind} launcher`, () => {
      tests(kind);
    });
  }
}

let runs = 0;

/** A tag that no other run has. */
export const newTag = (): string => `test${process.pid}.${(runs += 1)}`;

export type Run = {
  launched: Launched;
  tag: string;
  stdout(): string;
  stderr(): string;
  exit: Promise<LaunchExit>;
};

/** Starts `argv` with a grace time of 300 ms unless told otherwise. */
export function run(launcher: Launcher, argv: string[], overrides: Partial<LaunchSpec> = {}): Run {
  const tag = newTag();
  const spec = {
    argv,
    env: { PATH: "/usr/bin:/bin" },
    cwd: tmpdir(),
    tag,
    stdin: "/dev/null",
    graceMs: 300,
    ...overrides,
  };
  const launched = launcher.launch(spec);
  const printed: Record<"stdout" | "stderr", Uint8Array[]> = { stdout: [], stderr: [] };
  launched.onOutput((channel, bytes) => void printed[channel].push(bytes));
  const text = (channel: "stdout" | "stderr") => () => Buffer.concat(printed[channel]).toString();
  return { launched, tag, stdout: text("stdout"), stderr: text("stderr"), exit: launched.exit };
}

/** Runs a shell script. */
export const sh = (launcher: Launcher, script: string, overrides?: Partial<LaunchSpec>): Run =>
  run(launcher, ["/bin/sh", "-c", script], overrides);

/** Numbers of the living processes of an attempt, wherever they have gone. */
export const alive = (...tags: string[]): number[] =>
  findTagged((tag) => tags.includes(tag)).map(({ pid }) => pid);

export const sha256 = (pieces: Iterable<Uint8Array>): string => {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};
