// `millrace cordon`, `uncordon`, `drain` and `worker release`: whether workers get new work.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { duration, forServer, several, type ServerOptions } from "../options.ts";

type Options = ServerOptions & { timeout?: string };

export const cordonCommand = (context: Context): Command =>
  workerAction(context, "cordon", "give workers nothing new; what runs goes on");

export const uncordonCommand = (context: Context): Command =>
  workerAction(context, "uncordon", "give workers new jobs again");

export const drainCommand = (context: Context): Command =>
  workerAction(
    context,
    "drain",
    "let workers finish what they run, hand back the rest, and leave",
  ).option("--timeout <duration>", "how long running jobs may still take", duration);

/** `millrace worker release`. */
export function releaseCommand({ act, api, terminal }: Context): Command {
  const command = new Command("release")
    .description("end the quarantine of workers that kept failing")
    .argument("<worker...>", "names or ids", several);
  return forServer(command).action(
    act(async (names: string[], { json, ...server }: ServerOptions) => {
      for (const worker of names) {
        await api(server).call(`/v1/workers/${encodeURIComponent(worker)}/release`, {
          method: "POST",
        });
        await (json
          ? terminal.printJson({ worker, released: true })
          : terminal.print(`${worker}  released`));
      }
    }),
  );
}

function workerAction({ act, api, terminal }: Context, verb: string, description: string): Command {
  const command = new Command(verb)
    .description(description)
    .argument("<worker...>", "ids", several);
  return forServer(command).action(
    act(async (ids: string[], { json, timeout, ...server }: Options) => {
      for (const id of ids) {
        const answer = await api(server).call(`/v1/workers/${encodeURIComponent(id)}/${verb}`, {
          method: "POST",
          ...(timeout === undefined ? {} : { body: { timeout } }),
        });
        await (json ? terminal.printJson(answer) : terminal.print(`${id}  ${verb} requested`));
      }
    }),
  );
}
