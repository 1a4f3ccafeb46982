// The files in deploy/, given to the tools that will read them, where this machine has them.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const DEPLOY = fileURLToPath(new URL("../../../deploy", import.meta.url));
const units = readdirSync(join(DEPLOY, "systemd")).map((unit) => join(DEPLOY, "systemd", unit));

const run = promisify(execFile);
const checks: [string, string[], RegExp][] = [
  ["systemd-analyze", ["--recursive-errors=no", "verify", ...units], /^$/],
  ["kubectl", ["kustomize", DEPLOY], /kind: StatefulSet/],
  ["promtool", ["check", "config", join(DEPLOY, "prometheus", "prometheus.yml")], /9 rules found/],
];

it.for(checks)("%s finds nothing to complain about", async ([tool, args, expected], { skip }) => {
  const { stdout } = await run(tool, args).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? skip(`there is no ${tool} here`) : Promise.reject(error),
  );
  expect(stdout).toMatch(expected);
});
