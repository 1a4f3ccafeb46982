// `millrace queues`: the lines that jobs wait in, and their rules.
import { Command, InvalidArgumentError } from "commander";

import { MillraceError } from "../../shared/errors.ts";
import type { QueueSettings } from "../../shared/queue-settings.ts";
import type { Context } from "../context.ts";
import { age } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { duration, forServer, integer, type ServerOptions } from "../options.ts";
import type { QueueView } from "../views.ts";

type SetOptions = ServerOptions & {
  maxRunning?: number | "none";
  maxQueued?: number | "none";
  rate?: NonNullable<QueueSettings["rate"]> | "none";
  perKey?: number | "none";
  whenBusy?: string;
  ageing?: string;
};

const QUEUES: Listing<QueueView> = {
  columns: ["QUEUE", "QUEUED", "RUNNING", "LIMIT", "OLDEST", "STATE"],
  row: ({ name, depth, maxRunning, oldestAt, paused }, now) => [
    name,
    String(depth.queued),
    String(depth.running),
    maxRunning === undefined ? "-" : String(maxRunning),
    age(oldestAt, now),
    paused ? "paused" : "open",
  ],
};

export function queuesCommand(context: Context): Command {
  const command = new Command("queues").description(
    "list queues; pause, resume, purge or rule one",
  );
  forServer(command).action(context.act((options: ServerOptions) => list(context, options)));
  return command
    .addCommand(setter(context, "pause", "accept jobs but start none", () => ({ paused: true })))
    .addCommand(setter(context, "resume", "start jobs again", () => ({ paused: false })))
    .addCommand(purger(context))
    .addCommand(
      setter(context, "set", 'change its rules; "none" takes one away', changesOf)
        .option("--max-running <n>", "at most so many at once", orNone(integer(1)))
        .option("--max-queued <n>", "refuse more that wait", orNone(integer(1)))
        .option(
          "--rate <n/duration>",
          "start at most so many in that time, as 100/1m",
          orNone(rate),
        )
        .option("--per-key <n>", "at most so many of one key at once", orNone(integer(1)))
        .option("--when-busy <what>", "queue, reject or replace what a busy key is given")
        .option(
          "--ageing <duration>",
          "waiting that long raises the priority by one",
          orNone(duration),
        ),
    );
}

const orNone =
  <T>(parse: (text: string) => T) =>
  (text: string): T | "none" =>
    text === "none" ? text : parse(text);

function rate(text: string): { limit: number; per: string } {
  const [, limit, per] = /^(\d{1,5})\/(.+)$/.exec(text) ?? [];
  if (limit === undefined || per === undefined)
    throw new InvalidArgumentError("Write a rate as 100/1m.");
  return { limit: Number(limit), per: duration(per) };
}

const unlessNone = <T>(value: T | "none"): T | undefined => (value === "none" ? undefined : value);

/** Settings that the options name, over those that stand. */
function changesOf(options: SetOptions, { perKey }: QueueSettings): Record<string, unknown> {
  const { maxRunning, maxQueued, rate: newRate, ageing, perKey: limit, whenBusy } = options;
  const plain = { maxRunning, maxQueued, rate: newRate, ageing };
  const changes: Record<string, unknown> = Object.fromEntries(
    Object.entries(plain).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, unlessNone(value)]],
    ),
  );
  if (limit === "none") changes["perKey"] = undefined;
  else if (limit !== undefined || whenBusy !== undefined)
    changes["perKey"] = { ...perKey, ...(limit && { limit }), ...(whenBusy && { whenBusy }) };
  if (Object.keys(changes).length > 0) return changes;
  throw new MillraceError("invalid_spec", "Say what to set; --help lists what can be.");
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const { queues } = await api(options).call<{ queues: QueueView[] }>("/v1/queues");
  await printList(terminal, options.json, queues, QUEUES);
}

const pathOf = (name: string): string => `/v1/queues/${encodeURIComponent(name)}`;

function setter(
  { act, api, terminal }: Context,
  verb: string,
  description: string,
  changes: (options: SetOptions, settings: QueueSettings) => Record<string, unknown>,
): Command {
  const command = new Command(verb).description(description).argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: SetOptions) => {
      const server = api(options);
      const { queues } = await server.call<{ queues: QueueView[] }>("/v1/queues");
      const found = queues.find((one) => one.name === name);
      const {
        name: _name,
        depth: _depth,
        oldestAt: _oldestAt,
        ...settings
      } = found ?? {
        name,
        depth: {},
        paused: false,
      };
      const body = { ...settings, ...changes(options, settings) };
      const answer = await server.call(pathOf(name), { method: "PUT", body });
      await (options.json ? terminal.printJson(answer) : terminal.print(`${name}  ${verb} done`));
    }),
  );
}

function purger({ act, api, terminal }: Context): Command {
  const command = new Command("purge").description("cancel what waits in it").argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      const answer = await api(options).call<{ name: string; waiting: number }>(
        `${pathOf(name)}/purge`,
        { method: "POST" },
      );
      await (options.json
        ? terminal.printJson(answer)
        : terminal.print(`${name}  cancels ${answer.waiting} that wait`));
    }),
  );
}
