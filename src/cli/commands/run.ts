// `millrace run`: a job as if it were a local command, on whatever server there is, or on one brought along.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { submit } from "../../client/jobs.ts";
import { forServer } from "../options.ts";
import { findPlace, type PlaceOptions } from "../place.ts";
import { followToEnd } from "../run-job.ts";
import { describesJob, type JobOptions, readSpec } from "../spec-options.ts";

type Options = JobOptions & PlaceOptions & { follow: boolean };

export function runCommand(context: Context): Command {
  const { act, config, terminal } = context;
  const command = new Command("run")
    .description("run a job like a local command: its output, its exit code, Ctrl-C cancels it")
    .option("--no-follow", "submit only and print the id")
    .option("--data-dir <dir>", "for the server that run brings along when none answers")
    .option("--handlers <dir>", "its directory of handler modules");
  return forServer(describesJob(command, config.env)).action(
    act(async (operands: string[], options: Options) => {
      const { json = false, follow, idempotencyKey } = options;
      const spec = await readSpec(options, operands);
      await using place = await findPlace(context, options, spec);
      const job = await submit(place.api, place.adapt(spec), idempotencyKey);
      if (json) await terminal.printJson({ kind: "submitted", job });
      if (follow) return await followToEnd({ ...place, id: job.id, terminal, json });
      if (!json) await terminal.print(job.id);
      return 0;
    }),
  );
}
