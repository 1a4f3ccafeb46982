// `millrace workers`: who can run jobs, and how busy they are.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { printList } from "../listing.ts";
import { forServer, type ServerOptions } from "../options.ts";
import type { WorkerView } from "../views.ts";
import { WORKERS } from "../worker-lines.ts";

export function workersCommand({ act, api, terminal }: Context): Command {
  const command = new Command("workers").description("list workers with their facts");
  return forServer(command).action(
    act(async (options: ServerOptions) => {
      const { workers } = await api(options).call<{ workers: WorkerView[] }>("/v1/workers");
      await printList(terminal, options.json, workers, WORKERS);
    }),
  );
}
