// `millrace scheduler`: one replica of the API and, while it leads, of the placement.
import { Command, Option } from "commander";

import type { SchedulerFlags } from "../../scheduler/config.ts";
import type { Context } from "../context.ts";
import { onInterrupt } from "../interrupts.ts";
import { endWithParent } from "../local/lifeline.ts";
import { forBroker } from "../options.ts";

type Options = SchedulerFlags & { json?: true; withParent?: true };

export function schedulerCommand({ act, config, terminal }: Context): Command {
  const command = new Command("scheduler")
    .description("serve the API and, while it leads, place jobs; any number may run")
    .option("--host <address>", "to listen on; usually 127.0.0.1")
    .option("--port <port>", "of the API; usually 7070, 0 for a free one")
    .option("--advertise-url <url>", "where others reach it; usually what it listens on")
    .option("--replicas <n>", "copies of every stream that it makes: 1, 3 or 5")
    .option("--lease <duration>", "how long a leader may be silent before another takes over")
    .option("--webhooks-inside", "let webhooks lead to addresses inside the network")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent")
    .option("--auth", "callers must show an API key (MILLRACE_AUTH)")
    .option("--jwt-jwks <file|url>", "or a token that is signed with one of these keys")
    .option("--jwt-issuer <name>", "and comes from this issuer")
    .option("--jwt-audience <name>", "and is meant for this audience")
    .option("--jwt-algorithms <list>", "signatures to accept; usually RS256,PS256,ES256,EdDSA")
    .option("--tls-cert <file>", "certificate of the API, which then speaks https")
    .option("--tls-key <file>", "its key; both may be exchanged while it runs")
    .option("--tls-client-ca <file>", "callers must show a certificate of this CA")
    .option("--enrol-key <file>", "key of `millrace auth init`, to let enrolled workers in")
    .option("--rate-limit <n>", "requests per second that each caller may send")
    .option("--namespace-limit <n>", "unfinished jobs that each namespace may have")
    .option("--insecure-open", "serve everybody although others can reach the address")
    .addOption(new Option("--with-parent").hideHelp());
  return forBroker(command).action(
    act(async ({ json, withParent, ...flags }: Options) => {
      if (withParent) endWithParent();
      const [{ readSchedulerConfig }, { giveHeapRoom }, { runScheduler }] = await Promise.all([
        import("../../scheduler/config.ts"),
        import("../../shared/io/heap.ts"),
        import("../../scheduler/scheduler.ts"),
      ]);
      giveHeapRoom();
      const stop = new AbortController();
      using _interrupts = onInterrupt(() => stop.abort());
      const onListening = (url: string) =>
        void (json ? terminal.printJson({ url }) : terminal.print(`listening on ${url}`));
      await runScheduler(readSchedulerConfig(config.env, flags), stop.signal, { onListening });
    }),
  );
}
