// A year of schedules in virtual time: three zones with their changes of the clocks, calendars and outages.
import { CronExpressionParser } from "cron-parser";
import { describe, expect, it } from "vitest";

import { at, iso, play } from "./schedule-play.ts";

const YEAR = { from: "2026-01-01T00:00:30Z", to: "2027-01-01T00:00:30Z" };
const ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];
const CRONS = [
  "30 2 * * *",
  "15 1,2,14 * * *",
  "*/30 */8 * * *",
  "0 */8 * * MON-FRI",
  "10,40 9-12 * * 1-5",
  "0 0 1,15 * *",
  "59 23 28-31 * *",
  "0 12 13 * FRI",
  "0 0 29 2 *",
];

/** When the clocks change in 2026, forth or back. */
const CHANGES: Record<string, string[]> = {
  "Europe/Berlin": ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"],
  "America/New_York": ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"],
  "Australia/Lord_Howe": ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"],
};
const HOURS_3 = 3 * 3_600_000;

/** The stretches of the year in which the clocks do not change. */
function steadyTimes(zone: string): { begin: number; end: number }[] {
  const [forth, back] = CHANGES[zone]!.map(at) as [number, number];
  return [
    { begin: at(YEAR.from), end: forth - HOURS_3 },
    { begin: forth + HOURS_3, end: back - HOURS_3 },
    { begin: back + HOURS_3, end: at(YEAR.to) },
  ];
}

function independent(cron: string, zone: string): number[] {
  return steadyTimes(zone).flatMap(({ begin, end }) => {
    const options = { tz: zone, currentDate: iso(begin), endDate: iso(end) };
    const walk = CronExpressionParser.parse(cron, options);
    const found: number[] = [];
    while (walk.hasNext()) found.push(walk.next().getTime());
    return found;
  });
}

describe.each(ZONES)("a year in %s", (zone) => {
  it.each(CRONS)("%s fires when another implementation says so", (cron) => {
    const { fired, skipped, looks } = play({ spec: { cron, zone }, ...YEAR });
    const steady = fired.filter((one) =>
      steadyTimes(zone).some(({ begin, end }) => one > begin && one <= end),
    );
    expect(steady.map(iso)).toEqual(independent(cron, zone).map(iso));
    expect(fired.length - steady.length).toBeLessThan(20);
    expect(skipped).toEqual([]);
    expect(looks).toBe(fired.length);
    expect(new Set(fired).size).toBe(fired.length);
  });
});

const around = (change: string, cron: string, zone: string): string[] =>
  play({
    spec: { cron, zone },
    from: iso(at(change) - HOURS_3),
    to: iso(at(change) + HOURS_3),
  }).fired.map(iso);

// the two libraries differ here: what follows is our own promise
describe("when the clocks change", () => {
  it.each([
    // 02:30 does not exist: it fires when the clocks have gone forward
    ["2026-03-29T01:00:00Z", "30 2 * * *", "Europe/Berlin", ["2026-03-29T01:00:00.000Z"]],
    ["2026-03-08T07:00:00Z", "30 2 * * *", "America/New_York", ["2026-03-08T07:00:00.000Z"]],
    ["2026-10-03T15:30:00Z", "15 2 * * *", "Australia/Lord_Howe", ["2026-10-03T15:30:00.000Z"]],
    // 02:30, 01:30 and 01:45 come twice: they fire at the first
    ["2026-10-25T01:00:00Z", "30 2 * * *", "Europe/Berlin", ["2026-10-25T00:30:00.000Z"]],
    ["2026-11-01T06:00:00Z", "30 1 * * *", "America/New_York", ["2026-11-01T05:30:00.000Z"]],
    ["2026-04-04T15:00:00Z", "45 1 * * *", "Australia/Lord_Howe", ["2026-04-04T14:45:00.000Z"]],
    // a list of times is a list of such times
    [
      "2026-11-01T06:00:00Z",
      "0 1,2 * * *",
      "America/New_York",
      ["2026-11-01T05:00:00.000Z", "2026-11-01T07:00:00.000Z"],
    ],
  ])("at %s, %s in %s fires once", (change, cron, zone, expected) =>
    expect(around(change, cron, zone)).toEqual(expected),
  );

  it.each(ZONES)("an expression with steps goes on in real time in %s", (zone) => {
    for (const change of CHANGES[zone]!) {
      const fired = around(change, "*/15 * * * *", zone).map(at);
      expect(fired).toHaveLength(24);
      expect(new Set(fired.map((one, i) => one - fired[0]! - i * 900_000))).toEqual(new Set([0]));
    }
  });
});

describe("a year with a calendar", () => {
  const spec = { cron: "0 22 * * *", zone: "Europe/Berlin", calendar: "work" };
  const calendar = {
    weekly: ["sat" as const, "sun" as const],
    dates: ["2026-01-01", "2026-04-03", "2026-04-06", "05-01", "12-25"],
    open: ["2026-06-06"],
  };

  it("leaves out what is closed, and says so day by day", () => {
    const { fired, skipped } = play({ spec, calendar, ...YEAR });
    expect(fired).toHaveLength(257); // 261 weekdays, 5 holidays on them, 1 Saturday open
    expect(fired.map(iso)).toContain("2026-06-06T20:00:00.000Z");
    expect(skipped).toHaveLength(108);
    expect(skipped[0]!.reason).toBe("2026-01-01 is closed by the calendar work.");
    expect(fired.length + skipped.length).toBe(365);
  });

  it("shifts to the next open day, once for all closed days before it", () => {
    const daily = play({ spec: { ...spec, onClosed: "shift" }, calendar, ...YEAR });
    const leftOut = play({ spec, calendar, ...YEAR });
    expect(daily.fired).toEqual(leftOut.fired); // each open day has it anyway
    expect(daily.skipped).toEqual([]);

    const monthly = { ...spec, cron: "30 8 1 * *", onClosed: "shift" };
    expect(play({ spec: monthly, calendar, ...YEAR }).fired.map(iso)).toEqual([
      "2026-01-02T07:30:00.000Z",
      "2026-02-02T07:30:00.000Z",
      "2026-03-02T07:30:00.000Z",
      "2026-04-01T06:30:00.000Z",
      "2026-05-04T06:30:00.000Z",
      "2026-06-01T06:30:00.000Z",
      "2026-07-01T06:30:00.000Z",
      "2026-08-03T06:30:00.000Z",
      "2026-09-01T06:30:00.000Z",
      "2026-10-01T06:30:00.000Z",
      "2026-11-02T07:30:00.000Z",
      "2026-12-01T07:30:00.000Z",
    ]);
  });

  it("counts the hours before the start of a day to the day before", () => {
    const night = { cron: "0 3,9 * * *", zone: "Europe/Berlin", calendar: "work" };
    const weekends = { weekly: ["sat" as const, "sun" as const], dayStart: "06:00" };
    const week = { from: "2026-06-05T12:00:00Z", to: "2026-06-09T12:00:00Z" }; // from Friday noon
    expect(play({ spec: night, calendar: weekends, ...week }).fired.map(iso)).toEqual([
      "2026-06-06T01:00:00.000Z", // Saturday 03:00 is Friday's night
      "2026-06-08T07:00:00.000Z", // Monday 03:00 was Sunday's
      "2026-06-09T01:00:00.000Z",
      "2026-06-09T07:00:00.000Z",
    ]);
    const shifted = { ...night, onClosed: "shift" };
    expect(play({ spec: shifted, calendar: weekends, ...week }).fired.map(iso)).toEqual([
      "2026-06-06T01:00:00.000Z",
      "2026-06-08T07:00:00.000Z",
      "2026-06-09T01:00:00.000Z",
      "2026-06-09T07:00:00.000Z",
    ]);
    const once = { ...shifted, cron: "0 3 7 6 *" }; // Sunday 03:00 is Saturday's night: Monday's night instead
    expect(play({ spec: once, calendar: weekends, ...week }).fired.map(iso)).toEqual([
      "2026-06-09T01:00:00.000Z",
    ]);
  });
});

describe("a year with outages", () => {
  const hourly = { every: "1h", anchor: "2026-01-01T00:00:00Z" };
  const outages: [string, string][] = [
    ["2026-02-01T00:30:00Z", "2026-02-01T05:15:00Z"], // 01:00 to 05:00 are missed: five
    ["2026-07-04T00:30:00Z", "2026-07-08T00:10:00Z"], // 96, of which 24 within a day
  ];
  const count = (spec: object) => {
    const { fired, late, skipped } = play({ spec: { ...hourly, ...spec }, outages, ...YEAR });
    const skips = skipped.reduce((sum, one) => sum + (one.count ?? 1), 0);
    expect(fired.length + skips).toBe(8_760);
    expect(new Set(fired).size).toBe(fired.length);
    return { late: late.map(iso), skips };
  };

  it("misses every instant under skip", () =>
    expect(count({ misfire: { policy: "skip" } })).toEqual({ late: [], skips: 101 }));

  it("makes the newest one good under once", () =>
    expect(count({})).toEqual({
      late: ["2026-02-01T05:00:00.000Z", "2026-07-08T00:00:00.000Z"],
      skips: 99,
    }));

  it("makes all within the window good under all", () => {
    const { late, skips } = count({ misfire: { policy: "all", window: "1d" }, overlap: "allow" });
    expect(late).toHaveLength(29);
    expect(skips).toBe(72);
  });
});
