// `millrace retry`: runs finished jobs again.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { jobPath } from "../../client/jobs.ts";
import { forServer, type ServerOptions } from "../options.ts";
import type { JobView } from "../views.ts";

export function retryCommand({ act, api, terminal }: Context): Command {
  const command = new Command("retry").description("run finished jobs again").argument("<id...>");
  return forServer(command).action(
    act(async (ids: string[], options: ServerOptions) => {
      for (const id of ids) {
        const job = await api(options).call<JobView>(`${jobPath(id)}/retry`, { method: "POST" });
        await (options.json
          ? terminal.printJson(job)
          : terminal.print(`${job.id}  ${job.state} again`));
      }
    }),
  );
}
