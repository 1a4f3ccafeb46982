// `millrace calendars`: which days are open for the schedules that ask; list, show, set and remove them.
import { Command } from "commander";

import type { Calendar } from "../../shared/calendar.ts";
import type { Context } from "../context.ts";
import { printable } from "../display.ts";
import { printList, type Listing } from "../listing.ts";
import { forServer, several, type ServerOptions } from "../options.ts";
import { readDocument } from "../read-document.ts";

type CalendarView = { name: string; calendar: Calendar };
type SetOptions = ServerOptions & {
  file?: string;
  weekly?: string[];
  date?: string[];
  open?: string[];
  dayStart?: string;
  description?: string;
};

const CALENDARS: Listing<CalendarView> = {
  columns: ["CALENDAR", "CLOSED EACH WEEK", "CLOSED DATES", "OPEN DATES", "DAY BEGINS"],
  row: ({ name, calendar: { weekly = [], dates = [], open = [], dayStart = "00:00" } }) => [
    name,
    weekly.join(",") || "-",
    String(dates.length),
    String(open.length),
    dayStart,
  ],
};

const pathOf = (name: string): string => `/v1/calendars/${encodeURIComponent(name)}`;

export function calendarsCommand(context: Context): Command {
  const command = new Command("calendars").description("list calendars; show, set or remove one");
  const printAll = context.act((options: ServerOptions) => list(context, options));
  forServer(command).action(printAll);
  return command
    .addCommand(forServer(new Command("ls").description("list calendars")).action(printAll))
    .addCommand(getCommand(context))
    .addCommand(setCommand(context))
    .addCommand(removeCommand(context));
}

async function list({ api, terminal }: Context, options: ServerOptions): Promise<void> {
  const path = "/v1/calendars";
  const { calendars } = await api(options).call<{ calendars: CalendarView[] }>(path);
  await printList(terminal, options.json, calendars, CALENDARS);
}

function getCommand({ act, api, terminal }: Context): Command {
  const command = new Command("get").alias("show").description("show one").argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      const view = await api(options).call<CalendarView>(pathOf(name));
      await (options.json ? terminal.printJson(view) : terminal.print(describe(view)));
    }),
  );
}

function setCommand({ act, api, terminal }: Context): Command {
  const command = new Command("set")
    .description("make one or replace it; schedules that use it follow at once")
    .argument("<name>")
    .option("-f, --file <file>", "the calendar in YAML or JSON, - for standard input")
    .option("--weekly <days>", "closed days of the week, as sat,sun", (text) => text.split(","))
    .option("--date <date>", "a closed date: 2026-12-24, or 12-24 of every year (again)", several)
    .option("--open <date>", "a date that is open whatever the rest says (again)", several)
    .option("--day-start <time>", "when a day begins, as 06:00")
    .option("--description <text>", "what it is for");
  return forServer(command).action(
    act(async (name: string, options: SetOptions) => {
      const { file } = options;
      const body = file === undefined ? calendarOf(options) : await readDocument(file);
      const view = await api(options).call<CalendarView>(pathOf(name), { method: "PUT", body });
      await (options.json ? terminal.printJson(view) : terminal.print(`${name}  set`));
    }),
  );
}

function removeCommand({ act, api, terminal }: Context): Command {
  const command = new Command("rm")
    .description("remove one that no schedule uses")
    .argument("<name>");
  return forServer(command).action(
    act(async (name: string, options: ServerOptions) => {
      await api(options).call(pathOf(name), { method: "DELETE" });
      await (options.json
        ? terminal.printJson({ name, deleted: true })
        : terminal.print(`${name}  removed`));
    }),
  );
}

function calendarOf({ weekly, date, open, dayStart, description }: SetOptions) {
  return { description, weekly, dates: date, open, dayStart };
}

function describe({ name, calendar }: CalendarView): string {
  const { description, weekly = [], dates = [], open = [], dayStart = "00:00" } = calendar;
  const rows = [
    ["calendar", name],
    ["about", printable(description ?? "")],
    ["closed", [...weekly, ...dates].join(" ")],
    ["open", open.join(" ")],
    ["day from", dayStart],
  ] as const;
  return rows
    .filter(([, value]) => value !== "")
    .map(([key, value]) => `${key.padEnd(10)}${value}`)
    .join("\n");
}
