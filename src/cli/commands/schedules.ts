// `millrace schedules`: what fires when; make, pause, resume, trigger, look ahead and back.
import { readFile } from "node:fs/promises";
import { Command, Option } from "commander";

import { MillraceError } from "../../shared/errors.ts";
import { MISFIRES, OVERLAPS, type Misfire, type Overlap } from "../../shared/schedule-policies.ts";
import type { ScheduleView } from "../../scheduler/http/schedule-schema.ts";
import type { Context } from "../context.ts";
import { age, printable } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { duration, forServer, integer, pair, type ServerOptions } from "../options.ts";
import { describesJob, type JobOptions, readSpec } from "../spec-options.ts";

type PutOptions = JobOptions & {
  file?: string;
  cron?: string;
  every?: string;
  at?: string;
  zone?: string;
  jitter?: string;
  calendar?: string;
  shift?: true;
  overlap?: Overlap;
  misfire?: Misfire;
  window?: string;
  definition?: string;
  param?: Record<string, string>;
  generator?: string;
};
type Range = ServerOptions & { from: string; to: string };
type EventView = { at: string; what: string; instant?: string; run?: string; reason?: string };

const SCHEDULES: Listing<ScheduleView> = {
  columns: ["SCHEDULE", "WHEN", "NEXT", "LAST", "FIRED", "SKIPPED", "STATE"],
  row: (schedule, now) => [
    schedule.name,
    when(schedule),
    schedule.next ?? "-",
    schedule.last === undefined ? "-" : `${age(schedule.last.at, now)} ago`,
    String(schedule.counts.fired),
    String(schedule.counts.skipped),
    schedule.paused === undefined ? "on" : "paused",
  ],
};

const pathOf = (name: string, ...rest: string[]): string =>
  ["/v1/schedules", encodeURIComponent(name), ...rest].join("/");

export function schedulesCommand(context: Context): Command {
  const command = new Command("schedules")
    .description(
      "list schedules; put, get, delete, pause, resume or trigger one; see its next and past instants",
    )
    .enablePositionalOptions();
  const printAll = context.act((options: ServerOptions) => list(context, options));
  forServer(command).action(printAll);
  const ls = new Command("ls").description("list schedules, by name");
  return [
    forServer(ls).action(printAll),
    putCommand(context),
    named(
      context,
      "get",
      "show a schedule",
      ({ call, name }) => call("GET", pathOf(name)),
      showOne,
    ),
    named(
      context,
      "delete",
      "remove a schedule; what it started runs on",
      async ({ call, name }) => {
        await call("DELETE", pathOf(name));
        return { name, deleted: true };
      },
      ({ name }) => `${name}  deleted`,
    ),
    pausing(context, "pause", "fire nothing until resumed"),
    pausing(context, "resume", "fire again"),
    named(
      context,
      "trigger",
      "start a run now and print its id",
      ({ call, name }) => call<{ run: string }>("POST", pathOf(name, "trigger")),
      ({ run }) => run,
    ),
    nextCommand(context),
    backfillCommand(context),
    eventsCommand(context),
  ].reduce((parent, child) => parent.addCommand(child), command);
}

type Caller = {
  name: string;
  call<T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
};

/** A command on one schedule that prints one answer. */
function named<T>(
  { act, api, terminal }: Context,
  verb: string,
  description: string,
  ask: (caller: Caller) => Promise<T>,
  show: (answer: T) => string,
): Command {
  const command = new Command(verb).description(description).argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      const server = api(options);
      const answer = await ask({
        name,
        call: (method, path, body) => server.call(path, { method, body }),
      });
      await (options.json ? terminal.printJson(answer) : terminal.print(show(answer)));
    }),
  );
}

/** Pauses or resumes one schedule, or all of them. */
function pausing(
  { act, api, terminal }: Context,
  verb: "pause" | "resume",
  description: string,
): Command {
  const command = new Command(verb)
    .description(description)
    .argument("[name]")
    .option("--all", "all schedules, also those to come");
  return forServer(command).action(
    act(async (name: string | undefined, options: ServerOptions & { all?: true }) => {
      if ((name === undefined) !== (options.all === true))
        throw new MillraceError("invalid_spec", "Give the name of a schedule, or --all.");
      const server = api(options);
      const answer =
        name === undefined
          ? await server.call("/v1/schedules-paused", {
              method: "PUT",
              body: { paused: verb === "pause" },
            })
          : await server.call(pathOf(name, verb), { method: "POST" });
      const words = `${name ?? "all schedules"}  ${verb}d`;
      await (options.json ? terminal.printJson(answer) : terminal.print(words));
    }),
  );
}

function putCommand({ act, api, terminal, config }: Context): Command {
  const command = new Command("put")
    .description("make or change a schedule: when, and what to run then")
    .argument("<name>")
    .option("-f, --file <file>", "the whole schedule as JSON, instead of the other options")
    .option("--cron <expression>", "five fields, six with seconds, or @daily and the like")
    .option("--every <duration>", "an interval", duration)
    .option("--at <instant>", "once, as 2027-01-31T08:00:00Z")
    .option("--zone <zone>", "time zone, as Europe/Berlin; default UTC")
    .option("--jitter <duration>", "up to this much later", duration)
    .option("--calendar <name>", "only on its open days")
    .option("--shift", "what falls on closed days happens on the next open one")
    .addOption(
      new Option("--overlap <what>", "while the last run is on; default skip").choices(OVERLAPS),
    )
    .addOption(new Option("--misfire <what>", "missed instants; default once").choices(MISFIRES))
    .option("--window <duration>", "skip what was missed by more; default 1d", duration)
    .option("--definition <name>", "run this definition instead of a command")
    .option("--param <key=value>", "parameter of the definition (again)", pair)
    .option("--generator <handler>", "run the jobs that this handler returns for --input");
  // the name comes first, so that a command can only stand behind --
  return forServer(describesJob(command, config.env).passThroughOptions(false)).action(
    act(async (name: string, operands: string[], options: PutOptions) => {
      const body =
        options.file === undefined
          ? await scheduleOf(options, operands)
          : JSON.parse(await readFile(options.file, "utf8"));
      const view = await api(options).call<ScheduleView>(pathOf(name), { method: "PUT", body });
      await (options.json ? terminal.printJson(view) : terminal.print(showOne(view)));
    }),
  );
}

async function scheduleOf(options: PutOptions, operands: readonly string[]): Promise<object> {
  const { cron, every, at, zone, jitter, calendar, shift, overlap, misfire, window } = options;
  return {
    cron,
    every,
    at,
    zone,
    jitter,
    calendar,
    overlap,
    ...(shift ? { onClosed: "shift" } : {}),
    ...(misfire === undefined && window === undefined
      ? {}
      : { misfire: { policy: misfire, window } }),
    ...(await whatOf(options, operands)),
  };
}

async function whatOf(options: PutOptions, operands: readonly string[]): Promise<object> {
  const { definition, param, generator, input, queue, timeout } = options;
  if (definition !== undefined) return { definition, params: param };
  if (generator !== undefined) return { generator: { handler: generator, input, queue, timeout } };
  return { spec: await readSpec(options, operands) };
}

function nextCommand({ act, api, terminal }: Context): Command {
  const command = new Command("next")
    .description("when it fires next")
    .argument("<name>")
    .option("-n, --count <n>", "so many instants", integer(1, 100), 10);
  return forServer(command).action(
    act(async (name: string, options: ServerOptions & { count: number }) => {
      const answer = await api(options).call<{ next: string[] }>(pathOf(name, "next"), {
        query: { count: options.count },
      });
      if (options.json) return terminal.printJson(answer);
      for (const instant of answer.next) await terminal.print(instant);
    }),
  );
}

function backfillCommand({ act, api, terminal }: Context): Command {
  const command = new Command("backfill")
    .description("run instants of the past that have no run")
    .argument("<name>")
    .requiredOption("--from <instant>", "as 2027-01-31T08:00:00Z")
    .requiredOption("--to <instant>", "the last instant that counts");
  return forServer(command).action(
    act(async (name: string, options: Range) => {
      const { from, to } = options;
      const answer = await api(options).call<{ instants: number }>(pathOf(name, "backfill"), {
        method: "POST",
        body: { from, to },
      });
      const words = `${name}  ${answer.instants} instants`;
      await (options.json ? terminal.printJson(answer) : terminal.print(words));
    }),
  );
}

function eventsCommand({ act, api, terminal }: Context): Command {
  const command = new Command("events").description("what it did, and why").argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      const server = api(options);
      for (let cursor: string | undefined; ;) {
        const page = await server.call<{ events: EventView[]; next: string }>(
          pathOf(name, "events"),
          { query: { cursor } },
        );
        for (const event of page.events)
          await (options.json ? terminal.printJson(event) : terminal.print(eventLine(event)));
        if (page.events.length === 0) return;
        cursor = page.next;
      }
    }),
  );
}

function eventLine({ at, what, instant, run, reason }: EventView): string {
  return [at, what, instant ?? "-", run ?? "-", printable(reason ?? "")].join("  ").trimEnd();
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const { schedules } = await api(options).call<{ schedules: ScheduleView[] }>("/v1/schedules");
  await printList(terminal, options.json, schedules, SCHEDULES);
}

function when({ schedule: { cron, every, at, zone, calendar } }: ScheduleView): string {
  const rule = cron ?? (every === undefined ? `at ${at ?? "-"}` : `every ${every}`);
  const where = cron === undefined || zone === undefined ? "" : ` ${zone}`;
  return `${rule}${where}${calendar === undefined ? "" : `, open days of ${calendar}`}`;
}

function contentOf({ schedule: { definition, generator, spec } }: ScheduleView): string {
  if (definition !== undefined) return `definition ${definition}`;
  if (generator !== undefined) return `what ${generator.handler} returns`;
  return spec?.handler ?? spec?.command?.join(" ") ?? "a script";
}

function showOne(view: ScheduleView): string {
  const { name, next, last, lastSkip, lastError, waiting, counts, paused, generator } = view;
  const { fired, skipped, failed } = counts;
  const lines: [string, string | undefined][] = [
    ["schedule", name],
    ["when", when(view)],
    ["what", printable(contentOf(view))],
    ["paused", paused && `since ${paused.since} by ${printable(paused.actor)}`],
    ["next", next ?? "none"],
    ["last", last && `${last.at}, run ${last.run}`],
    ["skipped", lastSkip && `${lastSkip.at}: ${printable(lastSkip.reason)}`],
    ["error", lastError && `${lastError.at}: ${printable(lastError.message)}`],
    ["counts", `${fired} fired, ${skipped} skipped, ${failed} failed, ${waiting} waiting`],
    ["jobs", generator && `${generator.submitted} submitted by ${generator.runs} runs`],
  ];
  return lines
    .flatMap(([label, text]) => (text === undefined ? [] : [`${label.padEnd(9)} ${text}`]))
    .join("\n");
}
