// A worker that starts a tree of processes, tells that it stands, and waits to be killed.
import { startLauncher, type LauncherKind } from "../../../../src/worker/launcher/launcher.ts";

const [tag = "", kind] = process.argv.slice(2);
const tree = "trap '' TERM; setsid sleep 300 & sleep 300 & (sleep 300 & wait) & echo stands; wait";
const launcher = await startLauncher({ kind: kind as LauncherKind });
const attempt = launcher.launch({
  argv: ["/bin/sh", "-c", tree],
  env: { PATH: "/usr/bin:/bin" },
  cwd: "/",
  tag,
  stdin: "/dev/null",
  graceMs: 60_000,
});
attempt.onOutput((_channel, bytes) => void process.stdout.write(bytes));
process.stdout.write(`launcher ${launcher.pid}\n`);
