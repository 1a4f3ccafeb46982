// `millrace apply`: makes the server's definitions, schedules, queues and calendars what files say; `export` writes such files.
import { Command } from "commander";

import type { ApplyOptions } from "../apply/apply-files.ts";
import { KINDS } from "../apply/kinds.ts";
import type { Context } from "../context.ts";
import { forServer, type ServerOptions, several } from "../options.ts";

export function applyCommand({ act, api, terminal }: Context): Command {
  const command = new Command("apply")
    .description("make definitions, schedules, queues and calendars what files say")
    .requiredOption("-f, --file <file>", "YAML or JSON; - is stdin (again)", several)
    .option("--prune", "remove what is not in the files, of the kinds that are")
    .option("--dry-run", "show what would change and change nothing")
    .option("--force", "overwrite what somebody changed since it was exported");
  return forServer(command).action(
    act(async (options: ServerOptions & ApplyOptions) => {
      const { applyFiles } = await import("../apply/apply-files.ts");
      await applyFiles(api(options), terminal, options);
    }),
  );
}

export function exportCommand({ act, api, terminal }: Context): Command {
  const command = new Command("export")
    .description("write definitions, schedules, queues and calendars as `apply` reads them")
    .argument("[kind...]", KINDS.join(", "));
  return forServer(command).action(
    act(async (given: string[], options: ServerOptions) => {
      const [{ exportKinds }, { stringify }] = await Promise.all([
        import("../apply/export-kinds.ts"),
        import("yaml"),
      ]);
      const documents = await exportKinds(api(options), given);
      if (options.json) for (const document of documents) await terminal.printJson(document);
      else await terminal.print(documents.map((one) => stringify(one).trimEnd()).join("\n---\n"));
    }),
  );
}
