// `millrace ls`: the newest jobs, one line each.
import { Command, Option } from "commander";

import { JOB_STATES } from "../../shared/job.ts";
import type { Context } from "../context.ts";
import { jobListing } from "../job-lines.ts";
import { listJobs, type JobFilter } from "../job-list.ts";
import { printList } from "../listing.ts";
import { forServer, integer, ownOptions, type ServerOptions } from "../options.ts";

type Options = ServerOptions & JobFilter & { limit: number };

export function lsCommand({ act, api, terminal }: Context): Command {
  const command = new Command("ls")
    .description("list jobs, newest first")
    .addOption(new Option("--state <state>", "only in this state").choices(JOB_STATES))
    .option("--queue <name>", "only of this queue")
    .option("--label <key=value>", "only with this label; a key alone for any value")
    .option("--definition <name>", "only of this definition")
    .option("--handler <name>", "only of this handler")
    .option("--worker <id>", "only on this worker")
    .option("--exit-code <n>", "only with this exit code", integer(0, 255))
    .option("--from <instant>", "submitted then or later, as 2027-01-31T08:00:00Z")
    .option("--to <instant>", "submitted before then")
    .addOption(
      new Option("--sort <by>", "newest submit; of finished jobs: newest end, longest run").choices(
        ["submitted", "finished", "duration"],
      ),
    )
    .option("-n, --limit <n>", "at most so many", integer(1), 50);
  return forServer(command).action(
    act(async (options: Options) => {
      const { limit, ...filter } = ownOptions(options);
      const jobs = listJobs(api(options), filter, limit);
      await printList(terminal, options.json, jobs, jobListing(terminal.colors));
    }),
  );
}
