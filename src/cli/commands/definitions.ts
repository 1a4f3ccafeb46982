// `millrace definitions`: named templates of jobs; list them, look at one, run it, and see how it has gone.
import { Command } from "commander";

import type {
  DefinitionDetail,
  DefinitionView,
  RunView,
} from "../../scheduler/http/definition-view.ts";
import type { Context } from "../context.ts";
import { age, printable, shortDuration } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { forServer, integer, pair, type ServerOptions } from "../options.ts";

const DEFINITIONS: Listing<DefinitionView> = {
  columns: ["NAME", "VERSION", "STATE", "NEWEST RUN", "AGE", "NEXT"],
  row: ({ name, version, definition, newestRun, nextRunAt }, now) => [
    name,
    String(version),
    definition.enabled ? "enabled" : "disabled",
    newestRun?.state ?? "-",
    age(newestRun?.submittedAt, now),
    nextRunAt ?? "-",
  ],
};
const RUNS: Listing<RunView> = {
  columns: ["ID", "STATE", "AGE", "TOOK", "EXIT", "VERSION", "WORKERS"],
  row: (run, now) => [
    run.id,
    run.test ? `${run.state} (test)` : run.state,
    age(run.submittedAt, now),
    run.durationMs === undefined ? "-" : shortDuration(run.durationMs),
    run.exitCode === undefined ? "-" : String(run.exitCode),
    String(run.version),
    run.workers.join(" ") || "-",
  ],
};

const pathOf = (name: string): string => `/v1/definitions/${encodeURIComponent(name)}`;

export function definitionsCommand(context: Context): Command {
  const { act, api, terminal } = context;
  const command = new Command("definitions").description(
    "list definitions; look at, run or remove one",
  );
  forServer(command).action(act((options: ServerOptions) => list(context, options)));
  return command
    .addCommand(
      forServer(
        new Command("get").description("one with its statistics").argument("<name>"),
      ).action(
        act(async (name: string, options: ServerOptions) => {
          const detail = await api(options).call<DefinitionDetail>(pathOf(name));
          await (options.json ? terminal.printJson(detail) : terminal.print(describe(detail)));
        }),
      ),
    )
    .addCommand(runCommand(context))
    .addCommand(
      forServer(
        new Command("rm").description("remove one; its history stays").argument("<name>"),
      ).action(
        act(async (name: string, options: ServerOptions) => {
          await api(options).call(pathOf(name), { method: "DELETE" });
          if (!options.json) await terminal.print(`${name}  removed`);
        }),
      ),
    );
}

type RunOptions = ServerOptions & {
  param?: Record<string, string>;
  label?: Record<string, string>;
  test?: true;
  idempotencyKey?: string;
};

function runCommand({ act, api, terminal }: Context): Command {
  const command = new Command("run")
    .description("start a run and print its id")
    .argument("<name>")
    .option("--param <key=value>", "a parameter, as JSON or else as text (again)", pair)
    .option("--label <key=value>", "your own fact about the run (again)", pair)
    .option("--test", "every job only says what it would run")
    .option("--idempotency-key <key>", "starting again with it gives the same run");
  return forServer(command).action(
    act(async (name: string, options: RunOptions) => {
      const { param = {}, label, test, idempotencyKey } = options;
      const params = Object.fromEntries(
        Object.entries(param).map(([key, value]) => [key, valueOf(value)]),
      );
      const started = await api(options).call<{ id: string }>(`${pathOf(name)}/runs`, {
        method: "POST",
        body: { params, ...(label && { labels: label }), ...(test && { test }) },
        ...(idempotencyKey === undefined ? {} : { headers: { "idempotency-key": idempotencyKey } }),
      });
      await (options.json ? terminal.printJson(started) : terminal.print(started.id));
    }),
  );
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

type HistoryOptions = ServerOptions & {
  state?: string;
  from?: string;
  to?: string;
  exitCode?: number;
  label?: string;
  worker?: string;
  sort?: string;
  limit: number;
};

/** `millrace runs`: the history of a definition. */
export function runsCommand({ act, api, terminal }: Context): Command {
  const command = new Command("runs")
    .description("the runs of a definition, newest first")
    .argument("<definition>")
    .option("--state <state>", "only in this state")
    .option("--from <instant>", "submitted at or after")
    .option("--to <instant>", "submitted before")
    .option("--exit-code <n>", "only with this exit code", integer(0, 255))
    .option("--label <key=value>", "only with this label; a key alone for any value")
    .option("--worker <name>", "only with a part on this worker, by name or id")
    .option("--sort <by>", "submitted, finished or duration; - turns it round")
    .option("--limit <n>", "at most so many", integer(1, 200), 20);
  return forServer(command).action(
    act(async (name: string, { json, url, ...query }: HistoryOptions) => {
      const server = api({ ...(json && { json }), ...(url !== undefined && { url }) });
      const { runs } = await server.call<{ runs: RunView[] }>(`${pathOf(name)}/runs`, { query });
      await printList(terminal, json, runs, RUNS);
    }),
  );
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const { definitions } = await api(options).call<{ definitions: DefinitionView[] }>(
    "/v1/definitions",
  );
  await printList(terminal, options.json, definitions, DEFINITIONS);
}

function describe({ name, version, definition, statistics, ...view }: DefinitionDetail): string {
  const { total, succeeded, failed, cancelled, expired, averageMs, p50Ms, p95Ms } = statistics;
  const times =
    averageMs === undefined
      ? undefined
      : `average ${shortDuration(averageMs)}, p50 ${shortDuration(p50Ms ?? 0)}, p95 ${shortDuration(p95Ms ?? 0)}`;
  const facts: [string, string | undefined][] = [
    ["name", name],
    ["version", `${version}, ${definition.enabled ? "enabled" : "disabled"}`],
    ["what", definition.description],
    ["steps", definition.steps?.map((step) => step.name).join(", ")],
    ["updated", `${view.updatedAt}${view.updatedBy === undefined ? "" : ` by ${view.updatedBy}`}`],
    ["newest run", view.newestRun && `${view.newestRun.id}, ${view.newestRun.state}`],
    ["next run", view.nextRunAt],
    [
      "runs",
      `${total}: ${succeeded} succeeded, ${failed} failed, ${cancelled} cancelled, ${expired} expired`,
    ],
    ["took", times],
  ];
  return facts
    .flatMap(([key, value]) =>
      value === undefined ? [] : [`${key.padEnd(11)}${printable(value)}`],
    )
    .join("\n");
}
