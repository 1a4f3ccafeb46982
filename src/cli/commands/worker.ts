// `millrace worker`: runs attempts on this machine until told to leave.
import { Command, Option } from "commander";

import type { WorkerFlags } from "../../worker/config.ts";
import type { Context } from "../context.ts";
import { endWithParent } from "../local/lifeline.ts";
import { forBroker, several } from "../options.ts";
import { releaseCommand } from "./worker-actions.ts";

type Options = WorkerFlags & { json?: true; withParent?: true };

export function workerCommand(context: Context): Command {
  const { act, config, terminal } = context;
  const command = new Command("worker")
    .description("run jobs on this machine; SIGTERM drains, a second one ends it now")
    .option("--name <name>", "first part of its id; usually the host's name")
    .option("--slots <n>", "attempts at once; usually one per processor")
    .option("--label <key=value>", "own fact for placement (again)", several)
    .option("--handlers <dir>", "directory of handler modules")
    .option("--handlers-bundle <name>", "bundle of handler modules, exchanged when it changes")
    .option("--allow-env <name>", "variable that its jobs get too (again)", several)
    .option("--jobs-dir <dir>", "run only files from here")
    .option("--allow <command>", "run only this program (again)", several)
    .option("--run-as <user[:group]>", "run programs with the rights of this user")
    .option("--limit <name=value>", "ceiling, as memoryBytes=1000000000 (again)", several)
    .option("--secrets-dir <dir>", "files that jobs may name as secrets")
    .option("--secret-env <name>", "own variable that jobs may name as a secret (again)", several)
    .option("--signer <name=file>", "run only what this Ed25519 key signed (again)", several)
    .option("--work-root <dir>", "where attempts have their directories")
    .option("--bundle-cache-bytes <n>", "unpacked bundles that it keeps; usually 10 GiB")
    .option("--spool-root <dir>", "where output waits for the broker")
    .option("--drain-timeout <duration>", "how long running jobs may take when it leaves")
    .option("--artifact-limit <name=value>", "files, fileBytes or totalBytes (again)", several)
    .option("--metrics-port <port>", "answer /healthz, /readyz and /metrics there")
    .option("--metrics-host <address>", "on this address")
    .option("--join <token>", "invitation that makes the key in --nats-nkey known, once")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent")
    .addOption(new Option("--with-parent").hideHelp())
    .addCommand(releaseCommand(context));
  return forBroker(command).action(
    act(async ({ json, withParent, ...flags }: Options) => {
      if (withParent) endWithParent();
      const [{ giveHeapRoom }, { readWorkerConfig }, { listenForStop }, { runWorker }] =
        await Promise.all([
          import("../../shared/io/heap.ts"),
          import("../../worker/config.ts"),
          import("../../worker/stop-signals.ts"),
          import("../../worker/worker.ts"),
        ]);
      giveHeapRoom();
      using stop = listenForStop();
      const onId = (id: string) =>
        void (json ? terminal.printJson({ worker: id }) : terminal.print(`worker ${id}`));
      await runWorker(readWorkerConfig(config.env, flags), stop, { onId });
    }),
  );
}
