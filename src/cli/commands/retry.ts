// `millrace retry`: runs finished jobs again.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { jobPath } from "../../client/jobs.ts";
import { groupPath } from "../groups.ts";
import { forServer, type ServerOptions } from "../options.ts";
import type { JobView } from "../views.ts";

export function retryCommand({ act, api, terminal }: Context): Command {
  const command = new Command("retry")
    .description("run finished jobs again")
    .argument("<id...>")
    .option("--from-failed", "the ids are of groups, as runs with steps: do only what failed");
  return forServer(command).action(
    act(
      async (ids: string[], { fromFailed, ...options }: ServerOptions & { fromFailed?: true }) => {
        for (const id of ids) {
          const path = fromFailed ? groupPath(id) : jobPath(id);
          const job = await api(options).call<JobView>(`${path}/retry`, { method: "POST" });
          await (options.json
            ? terminal.printJson(job)
            : terminal.print(`${job.id}  ${job.state} again`));
        }
      },
    ),
  );
}
