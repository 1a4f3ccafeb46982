// `millrace auth`: a broker where everybody may do no more than their part.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { jsonOption } from "../options.ts";

type Options = { json?: true; prefix?: string };

export function authCommand({ act, config, terminal }: Context): Command {
  const init = new Command("init")
    .description("write a configuration for nats-server, and the keys of those that it knows")
    .argument("<dir>", "made if it is missing; keys in it are never overwritten")
    .option("--prefix <name>", "namespace on a shared broker (MILLRACE_PREFIX)")
    .addOption(jsonOption())
    .action(
      act(async (dir: string, { json, prefix }: Options) => {
        const { writeAuthFiles } = await import("../auth-files.ts");
        const files = await writeAuthFiles(dir, prefix ?? config.prefix);
        if (json) return terminal.printJson(files);
        await terminal.print(nextSteps(files));
      }),
    );
  return new Command("auth").description("set up who may do what on the broker").addCommand(init);
}

const nextSteps = (files: {
  config: string;
  scheduler: string;
  viewer: string;
  enrol: string;
}) => `\
Start the broker and the schedulers with what was written:
  nats-server --config ${files.config} --store_dir /var/lib/nats
  millrace scheduler --nats-nkey ${files.scheduler} --enrol-key ${files.enrol}
Let each worker join, once:
  millrace enrol invite build-1
  millrace worker --name build-1 --nats-nkey build-1.nk --join <token>
${files.viewer} is for those who only look.`;
