// `millrace queues`: the lines that jobs wait in, and their limits.
import { Command } from "commander";

import type { Context } from "../context.ts";
import { age } from "../display.ts";
import { forServer, integer, type ServerOptions } from "../options.ts";
import type { QueueView } from "../views.ts";

type Settings = { paused?: boolean; maxRunning?: number | undefined };
type SetOptions = ServerOptions & { maxRunning?: number | "none" };

const COLUMNS = ["QUEUE", "QUEUED", "RUNNING", "LIMIT", "OLDEST", "STATE"] as const;

export function queuesCommand(context: Context): Command {
  const command = new Command("queues").description("list queues; pause, resume or limit one");
  forServer(command).action(context.act((options: ServerOptions) => list(context, options)));
  return command
    .addCommand(setter(context, "pause", "accept jobs but start none", () => ({ paused: true })))
    .addCommand(setter(context, "resume", "start jobs again", () => ({ paused: false })))
    .addCommand(
      setter(context, "set", "limit how many jobs run at once", ({ maxRunning }) => ({
        maxRunning: maxRunning === "none" ? undefined : maxRunning,
      })).requiredOption("--max-running <n>", 'at most so many at once, or "none"', limit),
    );
}

const limit = (text: string): number | "none" => (text === "none" ? text : integer(1)(text));

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const { queues } = await api(options).call<{ queues: QueueView[] }>("/v1/queues");
  if (options.json) {
    for (const queue of queues) await terminal.printJson(queue);
    return;
  }
  const { renderTable } = await import("../table.ts");
  const now = Date.now();
  await terminal.print(
    renderTable(
      COLUMNS,
      queues.map(({ name, depth, maxRunning, oldestAt, paused }) => [
        name,
        String(depth.queued),
        String(depth.running),
        maxRunning === undefined ? "-" : String(maxRunning),
        age(oldestAt, now),
        paused ? "paused" : "open",
      ]),
    ),
  );
}

function setter(
  { act, api, terminal }: Context,
  verb: string,
  description: string,
  changeOf: (options: SetOptions) => Settings,
): Command {
  const command = new Command(verb).description(description).argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: SetOptions) => {
      const server = api(options);
      const { queues } = await server.call<{ queues: QueueView[] }>("/v1/queues");
      const { paused = false, maxRunning } = queues.find((one) => one.name === name) ?? {};
      const settings = { paused, maxRunning, ...changeOf(options) };
      const answer = await server.call(`/v1/queues/${encodeURIComponent(name)}`, {
        method: "PUT",
        body: settings,
      });
      await (options.json ? terminal.printJson(answer) : terminal.print(`${name}  ${verb} done`));
    }),
  );
}
