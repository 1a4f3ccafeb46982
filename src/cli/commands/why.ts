// `millrace why`: what a job waits for.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { jobPath } from "../../client/jobs.ts";
import { forServer, type ServerOptions } from "../options.ts";
import { filterLines, summarize, type Why } from "../why.ts";

export function whyCommand({ act, api, terminal }: Context): Command {
  const command = new Command("why").description("say what a job waits for").argument("<id>");
  return forServer(command).action(
    act(async (id: string, options: ServerOptions) => {
      const why = await api(options).call<Why>(`${jobPath(id)}/why`);
      if (options.json) return terminal.printJson(why);
      const lines = [summarize(why), ...filterLines(why).map((line) => `  ${line}`)];
      return terminal.print(lines.map(printable).join("\n"));
    }),
  );
}
