// `millrace dead-letters`: jobs that failed for good, and running them again.
import { Command } from "commander";

import type { Api } from "../../client/api.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { jobListing } from "../job-lines.ts";
import { printList } from "../listing.ts";
import { listJobs, type JobFilter } from "../job-list.ts";
import { forServer, integer, ownOptions, type ServerOptions } from "../options.ts";

type Filter = Pick<JobFilter, "queue" | "label" | "definition" | "handler">;
type ListOptions = ServerOptions & Filter & { limit: number };
type RetryOptions = ServerOptions & Filter & { all?: true };
type Fates = { retried: string[]; refused: { id: string; code: string }[]; more: boolean };

const filtered = (command: Command): Command =>
  command
    .option("--queue <name>", "only of this queue")
    .option("--label <key=value>", "only with this label; a key alone for any value")
    .option("--definition <name>", "only of this definition")
    .option("--handler <name>", "only of this handler");

export function deadLettersCommand(context: Context): Command {
  const command = filtered(new Command("dead-letters"))
    .description("list jobs that failed for good; run them again")
    .enablePositionalOptions()
    .option("-n, --limit <n>", "at most so many", integer(1), 50);
  forServer(command).action(context.act((options: ListOptions) => list(context, options)));
  return command.addCommand(retryCommand(context));
}

async function list({ api, terminal }: Context, options: ListOptions): Promise<void> {
  const { limit, ...filter } = ownOptions(options);
  const jobs = listJobs(api(options), filter, limit, "/v1/dead-letters");
  await printList(terminal, options.json, jobs, jobListing(terminal.colors));
}

function retryCommand({ act, api, terminal }: Context): Command {
  const command = filtered(new Command("retry"))
    .description("run failed jobs again: these, those that pass the options, or --all")
    .argument("[id...]")
    .option("--all", "all of them");
  return forServer(command).action(
    act(async (ids: string[], options: RetryOptions) => {
      const { all, ...filter } = ownOptions(options);
      const hasFilter = Object.keys(filter).length > 0;
      if ([ids.length > 0, hasFilter, all === true].filter(Boolean).length !== 1)
        throw new MillraceError("invalid_spec", "Give ids, or a filter, or --all.");
      const fates = await retryEvery(api(options), ids.length > 0 ? { ids } : { filter });
      if (options.json) return terminal.printJson(fates);
      const refused = fates.refused.map(({ id, code }) => `${id}  not retried: ${code}`);
      return terminal.print([...refused, `${fates.retried.length} queued again`].join("\n"));
    }),
  );
}

/** Asks until no more pass the filter. */
async function retryEvery(api: Api, body: object): Promise<Omit<Fates, "more">> {
  const total: Omit<Fates, "more"> = { retried: [], refused: [] };
  for (;;) {
    const { retried, refused, more } = await api.call<Fates>("/v1/dead-letters/retry", {
      method: "POST",
      body,
    });
    total.retried.push(...retried);
    total.refused.push(...refused);
    if (!more || retried.length === 0) return total;
  }
}
