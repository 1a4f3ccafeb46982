// `millrace dev`: a whole Millrace for this machine in one go.
import { Command } from "commander";

import { aborted } from "../../shared/io/lifecycle.ts";
import { devDir } from "../config.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { onInterrupt } from "../interrupts.ts";
import type { Installation } from "../local/installation.ts";
import { integer, jsonOption, several } from "../options.ts";
import { announce } from "../server-address.ts";

type Options = {
  json?: true;
  port?: number;
  host: string;
  dataDir?: string;
  workers: number;
  logLevel: string;
} & WorkerOptions;

type WorkerOptions = { slots?: number; handlers?: string; label?: string[]; drainTimeout?: string };

export function devCommand({ act, config, terminal }: Context): Command {
  return new Command("dev")
    .description("start broker, scheduler and worker; Ctrl-C drains, a second one ends it now")
    .option(
      "--port <port>",
      "of the API; usually 7070 (MILLRACE_PORT), or a free one when it is taken",
      integer(0, 65_535),
    )
    .option("--host <address>", "to listen on", "127.0.0.1")
    .option("--data-dir <dir>", "keeps everything; usually below MILLRACE_DATA_DIR")
    .option("--workers <n>", "worker processes", integer(0, 100), 1)
    .option("--slots <n>", "attempts at once per worker", integer(1, 10_000))
    .option("--handlers <dir>", "directory of handler modules")
    .option("--label <key=value>", "own fact of the workers (again)", several)
    .option("--drain-timeout <duration>", "how long running jobs may take at the end")
    .option("--log-level <level>", "trace, debug, info, warn, error or silent", "warn")
    .addOption(jsonOption())
    .action(
      act(async (options: Options) => {
        const ended = new AbortController();
        let installation: Installation | undefined;
        using _interrupts = onInterrupt((_signal, count) => {
          terminal.note(count === 1 ? "draining; once more ends it now" : "ending it now");
          ended.abort();
          if (count > 1) void installation?.stop();
        });
        try {
          installation = await start(options, ended.signal);
        } catch (error) {
          if (ended.signal.aborted) return EXIT.ok;
          throw error;
        }
        await using _announcement = await announce(config.stateDir, installation);
        await (options.json
          ? terminal.printJson(addresses(installation))
          : terminal.print(banner(installation)));
        await Promise.race([aborted(ended.signal), aborted(installation.broken)]);
        await installation.stop();
        if (ended.signal.aborted) return EXIT.ok;
        throw installation.broken.reason;
      }),
    );

  async function start(options: Options, signal: AbortSignal): Promise<Installation> {
    const { port, host, dataDir, workers, logLevel } = options;
    const [{ startInstallation }, { freePort }, { logStream }] = await Promise.all([
      import("../local/installation.ts"),
      import("../local/port.ts"),
      import("../local/log-stream.ts"),
    ]);
    const stream = await logStream(terminal);
    return startInstallation({
      dataDir: { path: dataDir ?? devDir(config.stateDir), fixed: dataDir !== undefined },
      port: port ?? (await freePort(config.port, host)),
      host,
      prefix: config.prefix,
      workers,
      workerArgs: workerArgs(options),
      logLevel,
      log: () => stream,
      note: terminal.note,
      signal,
    });
  }
}

const addresses = ({ url, natsUrl, dataDir }: Installation) => ({
  url,
  docs: `${url}/docs`,
  nats: natsUrl,
  dataDir,
});

function banner(installation: Installation): string {
  const { url, docs, nats, dataDir } = addresses(installation);
  return `Millrace is ready.
  API     ${url}
  Docs    ${docs}
  Broker  ${nats}
  Keeps   ${dataDir}

Run something:
  millrace run -- echo hello
  curl ${url}/v1/jobs --json '{"command": ["echo", "hello"]}'
`;
}

function workerArgs({ slots, handlers, label = [], drainTimeout }: WorkerOptions): string[] {
  return [
    ...(slots === undefined ? [] : [`--slots=${slots}`]),
    ...(handlers === undefined ? [] : [`--handlers=${handlers}`]),
    ...(drainTimeout === undefined ? [] : [`--drain-timeout=${drainTimeout}`]),
    ...label.map((one) => `--label=${one}`),
  ];
}
