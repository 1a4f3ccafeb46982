// `millrace wait`: waits until jobs are over and exits as they did.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { EXIT, exitCodeOf } from "../exit-codes.ts";
import { outcomeText } from "../job-lines.ts";
import { awaitEnd } from "../../client/jobs.ts";
import { forServer, type ServerOptions } from "../options.ts";

export function waitCommand({ act, api, terminal }: Context): Command {
  const command = new Command("wait")
    .description("wait until the jobs are over; exit as the first one that failed")
    .argument("<id...>");
  return forServer(command).action(
    act(async (ids: string[], options: ServerOptions) => {
      const server = api(options);
      const never = new AbortController().signal;
      const codes = await Promise.all(
        ids.map(async (id) => {
          const job = await awaitEnd(server, id, never);
          await (options.json
            ? terminal.printJson(job)
            : terminal.print(`${job.id}  ${outcomeText(job)}`));
          return exitCodeOf(job);
        }),
      );
      return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
    }),
  );
}
