// `millrace logs`: a job's output, so far or live.
import { Command, InvalidArgumentError, Option } from "commander";

import { CHANNELS } from "../../shared/chunk.ts";
import type { Context } from "../context.ts";
import { followLogs, type LogQuery, readLogs } from "../../client/follow.ts";
import { forServer, integer, ownOptions, type ServerOptions } from "../options.ts";
import { showLogs } from "../show-logs.ts";

type Options = ServerOptions & LogQuery & { follow?: true };

export function logsCommand({ act, api, terminal }: Context): Command {
  const command = new Command("logs")
    .description("show what a job printed: stdout to stdout, stderr to stderr")
    .argument("<id>")
    .option("-f, --follow", "go on until the job is over")
    .option("-n, --tail <lines>", "only the last lines so far", integer(0, 999_999))
    .option("--attempt <n>", 'an attempt by its number, "latest" (usual) or "all"', attempt)
    .addOption(new Option("--channel <name>", "only this one").choices(CHANNELS))
    .option("--since <instant>", 'only what came since then, as "10m" or ISO 8601')
    .option("--from <cursor>", "go on where another reader was, by the cursor of its last entry");
  return forServer(command).action(
    act(async (id: string, options: Options) => {
      const { json = false } = options;
      const { follow, ...query } = ownOptions(options);
      const read = follow ? followLogs : readLogs;
      await showLogs(read(api(options), id, query, terminal.unread), terminal, json);
    }),
  );
}

function attempt(text: string): number | "latest" | "all" {
  if (text === "latest" || text === "all") return text;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a number from 1, "latest" or "all".');
}
