// `millrace cancel`: asks for jobs to be stopped.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { cancel } from "../../client/jobs.ts";
import { forServer, type ServerOptions } from "../options.ts";

type Options = ServerOptions & { reason?: string };

export function cancelCommand({ act, api, terminal }: Context): Command {
  const command = new Command("cancel")
    .description("stop jobs: TERM, then KILL after their grace time")
    .argument("<id...>")
    .option("--reason <text>", "kept in the job's timeline");
  return forServer(command).action(
    act(async (ids: string[], options: Options) => {
      for (const id of ids) {
        const job = await cancel(api(options), id, options.reason);
        await (options.json
          ? terminal.printJson(job)
          : terminal.print(`${job.id}  cancel requested`));
      }
    }),
  );
}
