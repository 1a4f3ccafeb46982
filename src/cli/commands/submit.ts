// `millrace submit`: hands a job in and prints its id.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { submit } from "../../client/jobs.ts";
import { forServer } from "../options.ts";
import { findPlace } from "../place.ts";
import { describesJob, type JobOptions, readSpec } from "../spec-options.ts";

export function submitCommand(context: Context): Command {
  const command = new Command("submit").description("hand a job in and print its id");
  return forServer(describesJob(command, context.config.env)).action(
    context.act(async (operands: string[], options: JobOptions) => {
      const spec = await readSpec(options, operands);
      await using place = await findPlace(context, { ...options, follow: false }, spec);
      const job = await submit(place.api, place.adapt(spec), options.idempotencyKey);
      await (options.json ? context.terminal.printJson(job) : context.terminal.print(job.id));
    }),
  );
}
