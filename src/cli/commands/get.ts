// `millrace get`: everything about one job.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { getJob } from "../../client/jobs.ts";
import { describeJob } from "../job-lines.ts";
import { forServer, type ServerOptions } from "../options.ts";

export function getCommand({ act, api, terminal }: Context): Command {
  const command = new Command("get").description("show one job").argument("<id>");
  return forServer(command).action(
    act(async (id: string, options: ServerOptions) => {
      const job = await getJob(api(options), id);
      if (options.json) return terminal.printJson(job);
      return terminal.print(describeJob(job, Date.now(), terminal.colors));
    }),
  );
}
