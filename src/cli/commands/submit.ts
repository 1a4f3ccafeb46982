// `millrace submit`: hands a job in and prints its id.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { submit } from "../../client/jobs.ts";
import { submitGroup } from "../groups.ts";
import { forServer, integer, pair } from "../options.ts";
import { findPlace } from "../place.ts";
import { describesJob, type JobOptions, readSpec } from "../spec-options.ts";

type ArrayOptions = JobOptions & { count?: number; matrix?: Record<string, string> };

export function submitCommand(context: Context): Command {
  const command = new Command("submit")
    .description("hand a job in and print its id")
    .option("--count <n>", "a group of so many of it, told apart by MILLRACE_INDEX", integer(1))
    .option("--matrix <key=a,b>", "a group with one per combination of values (again)", pair);
  return forServer(describesJob(command, context.config.env)).action(
    context.act(async (operands: string[], { count, matrix, ...options }: ArrayOptions) => {
      const spec = await readSpec(options, operands);
      await using place = await findPlace(context, { ...options, follow: false }, spec);
      if (count !== undefined || matrix !== undefined) {
        const group = await submitGroup(
          place.api,
          { members: [{ name: "job", spec: place.adapt(spec), ...fanOut(count, matrix) }] },
          options.idempotencyKey,
        );
        await (options.json ? context.terminal.printJson(group) : context.terminal.print(group.id));
        return;
      }
      const job = await submit(place.api, place.adapt(spec), options.idempotencyKey);
      await (options.json ? context.terminal.printJson(job) : context.terminal.print(job.id));
    }),
  );
}

/** The server refuses what is both. */
const fanOut = (count: number | undefined, matrix: Record<string, string> | undefined) => ({
  ...(count === undefined ? {} : { count }),
  ...(matrix === undefined
    ? {}
    : {
        matrix: Object.fromEntries(
          Object.entries(matrix).map(([key, values]) => [key, values.split(",")]),
        ),
      }),
});
