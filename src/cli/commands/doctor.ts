// `millrace doctor`: whether everything is there, and what it is worth.
import { Command } from "commander";

import { MillraceError } from "../../shared/errors.ts";
import type { Api } from "../api.ts";
import type { Context } from "../context.ts";
import { diagnose, type Facts, type Finding, type Level } from "../diagnosis.ts";
import { printable } from "../display.ts";
import {
  type BrokerOptions,
  forServer,
  natsOption,
  prefixOption,
  type ServerOptions,
} from "../options.ts";
import { brokerUrl } from "../server-address.ts";
import type { Stats } from "../views.ts";

type Options = ServerOptions & BrokerOptions & { monitor?: string };

const EXIT_CODES: Record<Level, number> = { ok: 0, warning: 1, error: 2 };
const DEFAULT_MONITOR_PORT = 8222;
const NS_PER_MS = 1_000_000;

export function doctorCommand(context: Context): Command {
  const { act, terminal, config } = context;
  const command = new Command("doctor")
    .description(
      "check server, broker, workers; exit 0 when all is well, 1 on warnings, 2 on errors",
    )
    .addOption(natsOption())
    .addOption(prefixOption())
    .option("--monitor <url>", "the broker's monitoring endpoint; usually port 8222 of its host");
  return forServer(command).action(
    act(async (options: Options) => {
      const nats = brokerUrl(options.nats, config);
      const prefix = options.prefix ?? config.prefix;
      const [server, broker, sync] = await Promise.all([
        askServer(context.api(options)).catch(asError),
        askBroker(nats, prefix).catch(asError),
        askMonitor(options.monitor ?? monitorOf(nats)).catch(() => undefined),
      ]);
      const findings = diagnose({ server, broker, sync });
      const worst = worstOf(findings);
      if (options.json) await terminal.printJson({ level: worst, findings });
      else await terminal.print(findings.map(lineOf).join("\n"));
      return EXIT_CODES[worst];
    }),
  );

  function lineOf({ level, about, text }: Finding): string {
    const { green, yellow, red } = terminal.colors;
    const marks = { ok: green("ok     "), warning: yellow("warning"), error: red("error  ") };
    return `${marks[level]}  ${about.padEnd(11)}${printable(text)}`;
  }
}

async function askServer(api: Api): Promise<Facts["server"]> {
  const { value: stats, headers } = await api.exchange<Stats>("/v1/stats");
  const theirs = Date.parse(headers.date ?? "");
  // the header counts whole seconds
  const aheadMs = Number.isNaN(theirs) ? 0 : Math.trunc((theirs - Date.now()) / 1_000) * 1_000;
  return { url: api.url, aheadMs, stats };
}

async function askBroker(url: string, prefix: string | undefined): Promise<Facts["broker"]> {
  const [{ connectBroker }, { inspectBroker }] = await Promise.all([
    import("../../shared/io/broker.ts"),
    import("../../shared/io/inspect.ts"),
  ]);
  await using broker = await connectBroker({
    url,
    identity: `doctor-${process.pid}`,
    ...(prefix === undefined ? {} : { prefix }),
  });
  return { url, ...(await inspectBroker(broker)) };
}

type JetStreamStatus = { config?: { sync_interval?: number; sync_always?: boolean } };

async function askMonitor(url: string): Promise<Facts["sync"]> {
  const { createApi } = await import("../api.ts");
  const { config } = await createApi(url).call<JetStreamStatus>("/jsz", { timeoutMs: 2_000 });
  if (config === undefined) return undefined;
  return {
    always: config.sync_always ?? false,
    intervalMs: (config.sync_interval ?? 0) / NS_PER_MS,
  };
}

/** The usual place of the monitoring endpoint of the first of the servers. */
function monitorOf(nats: string): string {
  const first = nats.split(",", 1)[0] ?? "";
  const host = URL.canParse(first) ? new URL(first).hostname : "127.0.0.1";
  return `http://${host}:${DEFAULT_MONITOR_PORT}`;
}

const asError = (error: unknown): Error =>
  error instanceof MillraceError ? error : new Error(String(error), { cause: error });

function worstOf(findings: readonly Finding[]): Level {
  const levels = new Set(findings.map(({ level }) => level));
  return levels.has("error") ? "error" : levels.has("warning") ? "warning" : "ok";
}
