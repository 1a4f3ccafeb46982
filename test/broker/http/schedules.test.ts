// What the routes of schedules and calendars refuse, with the field that says why, and that nothing is stored then.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Problem } from "../../../src/shared/errors.ts";
import { startHttpLab, type HttpLab } from "./http-lab.ts";

let lab: HttpLab;
beforeAll(async () => (lab = await startHttpLab()));
afterAll(() => lab?.[Symbol.asyncDispose]());

const spec = { command: ["true"] };
const daily = { cron: "@daily", spec };
const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  lab.first.call<Problem>(method, path, body, headers);

describe("a schedule", () => {
  it.each([
    ["never fires", { cron: "0 0 31 2 *", spec }, "cron"],
    ["lies in the past", { at: "2020-01-01T00:00:00Z", spec }, "at"],
    ["never meets an open day", { cron: "0 0 25 12 *", calendar: "no-christmas", spec }, "cron"],
    ["has no rule", { spec }, "cron"],
    ["has two rules", { ...daily, every: "1m" }, "every"],
    ["starts nothing", { cron: "@daily" }, "definition"],
    ["starts two things", { ...daily, generator: { handler: "fan" } }, "generator"],
    ["has a cron that is none", { cron: "61 * * * *", spec }, "cron"],
    ["has too short an interval", { every: "10ms", spec }, "every"],
    ["has no such zone", { ...daily, zone: "Mars/Olympus" }, "zone"],
    ["has no such calendar", { ...daily, calendar: "none" }, "calendar"],
    ["has no such definition", { cron: "@daily", definition: "none" }, "definition"],
    ["has parameters for nothing", { ...daily, params: {} }, "params"],
    ["shifts without a calendar", { ...daily, onClosed: "shift" }, "onClosed"],
    ["has a job that is none", { cron: "@daily", spec: {} }, "spec.command"],
    ["overlaps in an unknown way", { ...daily, overlap: "maybe" }, "overlap"],
    ["has an unknown field", { ...daily, tz: "UTC" }, "tz"],
  ])("that %s is refused", async (_what, body, field) => {
    await call("PUT", "/v1/calendars/no-christmas", { dates: ["12-25"] });
    expect((await call("PUT", "/v1/schedules/bad", body)).body).toMatchObject({
      status: 422,
      code: "invalid_spec",
      field,
    });
    expect((await call("GET", "/v1/schedules/bad")).status).toBe(404);
  });

  it.each([
    ["GET", "/v1/schedules/none", undefined, 404, "schedule_not_found"],
    ["DELETE", "/v1/schedules/none", undefined, 404, "schedule_not_found"],
    ["GET", "/v1/schedules/none/next", undefined, 404, "schedule_not_found"],
    ["POST", "/v1/schedules/none/pause", undefined, 404, "schedule_not_found"],
    ["POST", "/v1/schedules/none/trigger", undefined, 404, "schedule_not_found"],
    ["GET", "/v1/schedules/a.b", undefined, 400, "invalid_id"],
    ["GET", "/v1/schedules/known/next?count=0", undefined, 400, "invalid_query"],
    ["GET", "/v1/schedules/known/events?cursor=abc", undefined, 400, "invalid_cursor"],
    ["POST", "/v1/schedules/known/backfill", {}, 422, "invalid_spec"],
    [
      "POST",
      "/v1/schedules/known/backfill",
      { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" },
      422,
      "invalid_spec",
    ],
    [
      "POST",
      "/v1/schedules/known/backfill",
      { from: "2026-01-02T00:00:00Z", to: "2999-01-01T00:00:00Z" },
      422,
      "invalid_spec",
    ],
    ["PUT", "/v1/schedules-paused", { paused: "yes" }, 422, "invalid_spec"],
  ])("%s %s %j is answered with %i", async (method, path, body, status, code) => {
    await call("PUT", "/v1/schedules/known", daily);
    expect((await call(method, path, body)).body).toMatchObject({ status, code });
  });
});

describe.each([
  ["schedules", daily, { ...daily, zone: "Europe/Berlin" }],
  ["calendars", { weekly: ["sat"] }, { weekly: ["sun"] }],
])("%s", (kind, before, after) => {
  const path = `/v1/${kind}/guarded`;
  const put = (body: object, headers: Record<string, string>) => call("PUT", path, body, headers);

  it("are changed only as their caller last saw them", async () => {
    const made = await put(before, { "If-None-Match": "*" });
    expect(made.status).toBe(201);
    const stale = { "If-Match": made.headers.get("etag")! };
    expect((await put(after, stale)).status).toBe(200);
    for (const late of [await put(before, stale), await call("DELETE", path, undefined, stale)])
      expect(late.body).toMatchObject({ status: 412, code: "precondition_failed" });
    expect((await put(before, { "If-None-Match": "*" })).status).toBe(412);
    expect((await put(before, { "If-Match": "yesterday" })).body).toMatchObject({
      status: 400,
      code: "invalid_header",
      field: "If-Match",
    });
  });
});

describe("a calendar", () => {
  it.each([
    ["leaves no day open", { weekly: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] }, "weekly"],
    ["has no such day", { weekly: ["someday"] }, "weekly[0]"],
    ["has no such date", { dates: ["02-30"] }, "dates[0]"],
    ["has no such time", { dayStart: "25:00" }, "dayStart"],
    ["has an unknown field", { zone: "UTC" }, "zone"],
  ])("that %s is refused", async (_what, body, field) => {
    expect((await call("PUT", "/v1/calendars/bad", body)).body).toMatchObject({
      status: 422,
      code: "invalid_spec",
      field,
    });
    expect((await call("GET", "/v1/calendars/bad")).body.code).toBe("calendar_not_found");
  });

  it("stays as long as a schedule uses it", async () => {
    await call("PUT", "/v1/calendars/workdays", { weekly: ["sat", "sun"] });
    await call("PUT", "/v1/schedules/report", { ...daily, calendar: "workdays" });
    expect((await call("DELETE", "/v1/calendars/workdays")).body).toMatchObject({
      status: 409,
      code: "calendar_in_use",
    });
    await call("DELETE", "/v1/schedules/report");
    expect((await call("DELETE", "/v1/calendars/workdays")).status).toBe(204);
    expect((await call("DELETE", "/v1/calendars/workdays")).body.code).toBe("calendar_not_found");
  });
});
