// `millrace workers`: who can run jobs, and how busy they are.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { forServer, type ServerOptions } from "../options.ts";
import type { WorkerView } from "../views.ts";
import { WORKER_COLUMNS, workerRow } from "../worker-lines.ts";

export function workersCommand({ act, api, terminal }: Context): Command {
  const command = new Command("workers").description("list workers with their facts");
  return forServer(command).action(
    act(async (options: ServerOptions) => {
      const { workers } = await api(options).call<{ workers: WorkerView[] }>("/v1/workers");
      if (options.json) {
        for (const worker of workers) await terminal.printJson(worker);
        return;
      }
      const { renderTable } = await import("../table.ts");
      await terminal.print(renderTable(WORKER_COLUMNS, workers.map(workerRow)));
    }),
  );
}
