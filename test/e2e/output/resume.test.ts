// A follower that breaks off anywhere continues without gap or repeat, at this scheduler or at another.
import { describe, expect, it } from "vitest";

import { openEvents, type SentEvent } from "../../broker/http/sse.ts";
import { startLab, type Lab } from "../../lab/lab.ts";
import { until } from "../../lab/until.ts";

const LINES = 40;
/** Waits a little every few lines, so that many chunks come of it and nobody sees them all at once. */
const COUNT = `for n in $(seq ${LINES}); do echo line $n; [ $((n % 2)) = 0 ] || sleep 0.1; done`;
const whole = Array.from({ length: LINES }, (_, i) => `line ${i + 1}\n`).join("");
const textOf = (events: readonly SentEvent[]) =>
  events.map(({ data }) => (data["text"] as string | undefined) ?? "").join("");
const logsOf = (lab: Lab, scheduler: number, id: string) =>
  `${lab.schedulers[scheduler]!.url}/v1/jobs/${id}/logs`;

async function readSome(url: string, most: number, cursor: string | undefined) {
  const headers = cursor === undefined ? undefined : { "Last-Event-ID": cursor };
  await using stream = await openEvents(`${url}?follow`, headers);
  const events: SentEvent[] = [];
  while (events.length < most) {
    const event = await stream.next();
    if (event === undefined) break;
    events.push(event);
  }
  return { events, status: stream.status };
}

describe.concurrent("events with Last-Event-ID", () => {
  it("give the same bytes in however many pieces they are followed", async () => {
    await using lab = await startLab();
    const id = await lab.submit({ command: ["sh", "-c", COUNT] });
    const url = logsOf(lab, 0, id);
    const seen: SentEvent[] = [];
    while (seen.at(-1)?.event !== "end") {
      const { events } = await readSome(url, 3, seen.at(-1)?.id);
      seen.push(...events);
    }
    expect(textOf(seen)).toBe(whole);
    expect(await lab.output(id)).toBe(whole);

    // every place in the finished output is one to continue from
    for (const [index, { id: cursor }] of seen.entries()) {
      const { events, status } = await readSome(url, Infinity, cursor);
      expect(textOf([...seen.slice(0, index + 1), ...events])).toBe(whole);
      expect(status).toBe(index === seen.length - 1 ? 204 : 200);
    }
  });
});

describe.concurrent("when the scheduler is killed", () => {
  it("another one continues what a follower has from it", { timeout: 120_000 }, async () => {
    await using lab = await startLab({ schedulers: 2 });
    const id = await lab.submit({ command: ["sh", "-c", COUNT] });
    const first: SentEvent[] = [];
    await using stream = await openEvents(`${logsOf(lab, 0, id)}?follow`);
    while (first.length < 5) first.push((await stream.next())!);
    await lab.schedulers[0]!.kill("SIGKILL");
    // what was on its way may still come; then the stream breaks off
    for (;;) {
      const event = await stream.next().catch(() => undefined);
      if (event === undefined) break;
      first.push(event);
    }
    const { events } = await readSome(logsOf(lab, 1, id), Infinity, first.at(-1)!.id);
    expect(events.at(-1)?.event).toBe("end");
    expect(textOf([...first, ...events])).toBe(whole);
    await lab.until(id, "succeeded");
  });
});

describe.concurrent("when the broker is away", () => {
  it("what the job writes meanwhile arrives afterwards, whole", { timeout: 120_000 }, async () => {
    await using lab = await startLab();
    const id = await lab.submit({ command: ["sh", "-c", COUNT] });
    await until(async () => (await lab.output(id)).includes("line 5\n"), "the first lines");
    await lab.broker.kill();
    await lab.broker.restart();
    const isOver = async () => (await lab.job(id)).state === "succeeded";
    await until(isOver, "the end of the job", 60_000);
    expect(await lab.output(id)).toBe(whole);
  });
});
