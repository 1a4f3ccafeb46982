// `millrace doctor`: whether everything is there, and what it is worth.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { brokerBeside } from "../doctor/broker-beside.ts";
import { worstOf, type Finding, type Level } from "../doctor/finding.ts";
import { type BrokerOptions, forBoth, type ServerOptions, several } from "../options.ts";
import { VERSION } from "../../shared/io/version.ts";

type Options = ServerOptions & BrokerOptions & { monitor?: string[] };

const EXIT_CODES: Record<Level, number> = { ok: 0, warning: 1, error: 2 };
const MARK_WIDTH = 9;
const ABOUT_WIDTH = 12;

export function doctorCommand(context: Context): Command {
  const { act, terminal, config } = context;
  const command = new Command("doctor")
    .description(
      "check server, broker, workers and records; exit 0 when all is well, 1 on warnings, 2 on errors",
    )
    .option(
      "--monitor <url>",
      "a broker's monitoring endpoint (again); usually port 8222 of its host",
      several,
    );
  return forBoth(command).action(
    act(async (options: Options) => {
      terminal.status("examining the installation");
      const findings = await examineAll(options);
      const worst = worstOf(findings);
      if (options.json) await terminal.printJson({ level: worst, findings });
      else await terminal.print(findings.map(linesOf).join("\n"));
      return EXIT_CODES[worst];
    }),
  );

  async function examineAll(options: Options): Promise<Finding[]> {
    const [{ askBroker, asError }, { askServer }, { diagnose }] = await Promise.all([
      import("../doctor/ask-broker.ts"),
      import("../doctor/ask-server.ts"),
      import("../doctor/diagnosis.ts"),
    ]);
    const api = context.api(options);
    const [server, told] = await Promise.all([
      askServer(api).catch(asError),
      askBroker({
        url: options.nats ?? brokerBeside(api, config),
        prefix: options.prefix ?? config.prefix,
        credentials: context.credentials(options),
        monitors: options.monitor ?? [],
      }),
    ]);
    return diagnose({ server, ...told, version: VERSION });
  }

  function linesOf({ level, about, text, advice }: Finding): string {
    const { green, yellow, red, dim } = terminal.colors;
    const marks = { ok: green("ok     "), warning: yellow("warning"), error: red("error  ") };
    const line = `${marks[level]}  ${about.padEnd(ABOUT_WIDTH)}${printable(text)}`;
    if (advice === undefined) return line;
    return `${line}\n${" ".repeat(MARK_WIDTH + ABOUT_WIDTH)}${dim(`→ ${printable(advice)}`)}`;
  }
}
