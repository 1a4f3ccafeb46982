// `millrace webhooks`: who is told of changes, and what could not be told.
import { Command, Option } from "commander";

import { JOB_STATES } from "../../shared/job.ts";
import type { Context } from "../context.ts";
import { forServer, integer, pair, several, type ServerOptions } from "../options.ts";

type WebhookView = { name: string; url: string; enabled: boolean; tries: number; secret?: string };
type PutOptions = ServerOptions & {
  secret?: string;
  state?: string[];
  queue?: string[];
  definition?: string[];
  label?: Record<string, string>;
  tries?: number;
  disabled?: true;
};
type DeadLetter = { id: string; at: string; reason: string };
type Result = { id: string; delivered: boolean; reason?: string };

const pathOf = (name: string): string => `/v1/webhooks/${encodeURIComponent(name)}`;

export function webhooksCommand(context: Context): Command {
  const { act, api, terminal } = context;
  const command = new Command("webhooks").description(
    "list webhooks; set one up, remove it, see and repeat what could not be delivered",
  );
  forServer(command).action(
    act(async (options: ServerOptions) => {
      const answer = await api(options).call<{ webhooks: WebhookView[] }>("/v1/webhooks");
      const line = ({ name, url, enabled }: WebhookView) =>
        `${name}  ${url}${enabled ? "" : "  disabled"}`;
      await print(context, options, answer.webhooks, line);
    }),
  );

  const put = new Command("put")
    .description("have changes of jobs sent to an address")
    .argument("<name>")
    .argument("<url>")
    .option("--secret <text>", "signs the events; made up and shown once when left out")
    .addOption(
      new Option("--state <state>", "only changes to this state; may be repeated")
        .choices(JOB_STATES)
        .argParser(several),
    )
    .option("--queue <name>", "only of this queue; may be repeated", several)
    .option("--definition <name>", "only of this definition; may be repeated", several)
    .option("--label <key=value>", "only jobs that bear it; may be repeated", pair)
    .option("--tries <n>", "deliveries that are tried before giving up", integer(1, 20))
    .option("--disabled", "keep it, but send nothing");
  forServer(put).action(
    act(async (name: string, url: string, options: PutOptions) => {
      const view = await api(options).call<WebhookView>(pathOf(name), {
        method: "PUT",
        body: settingsOf(url, options),
      });
      if (options.json) await terminal.printJson(view);
      else await terminal.print(view.secret === undefined ? name : `${name}  ${view.secret}`);
    }),
  );

  const remove = new Command("delete").description("send nothing more").argument("<name>");
  forServer(remove).action(
    act(async (name: string, options: ServerOptions) => {
      await api(options).call(pathOf(name), { method: "DELETE" });
      await print(context, options, [{ name, deleted: true }], () => `${name}  deleted`);
    }),
  );

  const dead = new Command("dead-letters")
    .description("what could not be delivered")
    .argument("<name>");
  forServer(dead).action(
    act(async (name: string, options: ServerOptions) => {
      const path = `${pathOf(name)}/dead-letters`;
      const { deadLetters } = await api(options).call<{ deadLetters: DeadLetter[] }>(path);
      await print(context, options, deadLetters, ({ id, at, reason }) => `${id}  ${at}  ${reason}`);
    }),
  );

  const again = new Command("redeliver")
    .description("try once more: the events with these ids, or the 100 oldest")
    .argument("<name>")
    .argument("[ids...]");
  forServer(again).action(
    act(async (name: string, ids: string[], options: ServerOptions) => {
      const path = `${pathOf(name)}/dead-letters/redeliver`;
      const body = ids.length === 0 ? {} : { ids };
      const { results } = await api(options).call<{ results: Result[] }>(path, {
        method: "POST",
        body,
      });
      const line = ({ id, delivered, reason }: Result) =>
        `${id}  ${delivered ? "delivered" : `not delivered: ${reason ?? ""}`}`;
      await print(context, options, results, line);
    }),
  );

  for (const one of [put, remove, dead, again]) command.addCommand(one);
  return command;
}

function settingsOf(url: string, options: PutOptions) {
  const { secret, state, queue, definition, label, tries, disabled } = options;
  return {
    url,
    secret,
    states: state,
    queues: queue,
    definitions: definition,
    labels: label,
    tries,
    enabled: disabled === undefined,
  };
}

async function print<T>(
  { terminal }: Context,
  { json }: ServerOptions,
  values: readonly T[],
  line: (value: T) => string,
): Promise<void> {
  for (const value of values)
    await (json ? terminal.printJson(value) : terminal.print(line(value)));
}
