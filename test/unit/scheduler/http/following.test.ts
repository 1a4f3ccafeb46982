// Waiting and following: woken by the index, bounded in time and memory, and leaving nothing behind.
import { OpenAPIHono } from "@hono/zod-openapi";
import { describe, expect, it, vi } from "vitest";

import { createBoard } from "../../../../src/scheduler/core/board.ts";
import { createChangeLog } from "../../../../src/scheduler/change-log.ts";
import type { HttpDeps, View } from "../../../../src/scheduler/http/deps.ts";
import type { HttpEnv } from "../../../../src/scheduler/http/env.ts";
import { awaitSeen } from "../../../../src/scheduler/submission/seen.ts";
import { NDJSON_TYPE, SSE_TYPE, streamAnswer } from "../../../../src/scheduler/http/streaming.ts";
import { createAwaitFinal } from "../../../../src/scheduler/http/wait.ts";
import { aborted } from "../../../../src/shared/io/lifecycle.ts";
import { silentLog } from "../../../../src/shared/io/log.ts";
import { apply, newJob } from "../../../../src/shared/job-machine.ts";
import { fakeDeps } from "./fake-deps.ts";

const ID = "k3v9x0q2m7c1w8z5b4n6";
const queued = newJob(ID, { command: ["true"] }, 1_000);
const cancelled = apply(queued, { type: "cancelled", at: 2_000, actor: "test", reason: "asked" });

/** A board that counts who watches it. */
function watchedBoard() {
  const board = createBoard();
  let watchers = 0;
  const view: View = {
    ...board,
    watch(id, listener) {
      const watch = board.watch(id, listener);
      watchers += 1;
      return {
        [Symbol.dispose]() {
          watchers -= 1;
          watch[Symbol.dispose]();
        },
      };
    },
  };
  return { board, view, watchers: () => watchers };
}

function setUp() {
  const { board, view, watchers } = watchedBoard();
  const closing = new AbortController();
  const caller = new AbortController();
  const store = { ...fakeDeps().store, read: async () => ({ record: queued, seq: 1 }) };
  const awaitFinal = createAwaitFinal({ store, view, closing: closing.signal });
  return { board, watchers, closing, caller, awaitFinal };
}

describe("waiting for the end", () => {
  it("ends with the final record", async () => {
    const { board, watchers, caller, awaitFinal } = setUp();
    const end = awaitFinal(ID, 60_000, caller.signal);
    board.jobChanged(queued, 1);
    board.jobChanged(cancelled, 2);
    expect(await end).toEqual({ record: cancelled, seq: 2 });
    expect(watchers()).toBe(0);
  });

  it.each(["caller", "closing"] as const)("ends when the signal of %s aborts", async (who) => {
    const all = setUp();
    const end = all.awaitFinal(ID, 60_000, all.caller.signal);
    all[who].abort();
    expect(await end).toBeUndefined();
    expect(all.watchers()).toBe(0);
  });

  it("ends when the time is up", async () => {
    const { caller, awaitFinal, watchers } = setUp();
    expect(await awaitFinal(ID, 1, caller.signal)).toBeUndefined();
    expect(watchers()).toBe(0);
  });
});

describe("waiting to hear of a job", () => {
  it("ends at once when it is known, else when it comes", async () => {
    const { board, view, watchers } = watchedBoard();
    const seen = awaitSeen(view, { record: queued, seq: 1 });
    board.jobChanged(queued, 1);
    await seen;
    await awaitSeen(view, { record: queued, seq: 1 });
    expect(watchers()).toBe(0);
  });

  it("gives up in the end", async () => {
    vi.useFakeTimers();
    try {
      const { view, watchers } = watchedBoard();
      const failure = awaitSeen(view, { record: queued, seq: 1 }).catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(await failure).toMatchObject({ code: "broker_unavailable" });
      expect(watchers()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("the changes of all jobs", () => {
  it("tell what a record that was never seen has been through", async () => {
    const board = createBoard();
    const { broker } = fakeDeps();
    const stop = new AbortController();
    const log = createChangeLog({ view: board, broker, behind: "newest" });
    const changes = log.follow(undefined, stop.signal);
    const first = changes.next();
    board.jobChanged(queued, 1);
    await first;
    const attempt = { attempt: 1, worker: "w", at: 3_000 };
    const running = apply(queued, { type: "started", ...attempt });
    const back = apply(running, { type: "handed_back", ...attempt, reason: "left" });
    board.jobChanged(back, 4);
    expect((await changes.next()).value).toMatchObject([
      {
        seq: 4,
        entries: [
          { index: 1, entry: { what: "started" } },
          { index: 2, entry: { what: "handed_back" } },
        ],
      },
    ]);
    stop.abort();
    await changes.return(undefined);
  });

  it("are watched only while somebody follows, and read from the stream by who is far behind", async () => {
    const { board, view, watchers } = watchedBoard();
    const range = vi.fn<HttpDeps["broker"]["range"]>(async () => ({ messages: [], more: false }));
    const { broker } = fakeDeps();
    const stop = new AbortController();
    const deps = { view, broker: { ...broker, range }, behind: "newest" as const };
    const changes = createChangeLog(deps).follow(undefined, stop.signal);
    expect(watchers()).toBe(0);
    const first = changes.next();
    expect(watchers()).toBe(1);
    board.jobChanged(queued, 5);
    expect((await first).value).toMatchObject([
      { seq: 5, job: ID, entries: [{ index: 0, entry: { what: "submitted" } }] },
    ]);

    for (let seq = 6; seq <= 5_000; seq += 1) board.jobChanged({ ...queued, id: String(seq) }, seq);
    const seen: number[] = [];
    while (seen.at(-1) !== 5_000)
      seen.push(...((await changes.next()).value ?? []).map(({ seq }: { seq: number }) => seq));
    expect(range).toHaveBeenCalledExactlyOnceWith("MR_JOBS", expect.objectContaining({ from: 6 }));
    expect(seen.length).toBeGreaterThanOrEqual(2_000);
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, n) => 5_001 - seen.length + n));
    stop.abort();
    await changes.return(undefined);
    expect(watchers()).toBe(0);
  });
});

async function* pieces(...texts: string[]) {
  yield* texts;
}
async function* silence(signal: AbortSignal): AsyncGenerator<string> {
  await aborted(signal);
  yield* [];
}
async function* failing(): AsyncGenerator<string> {
  yield "first";
  throw new Error("broken");
}

function answer(
  type: string,
  source: (signal: AbortSignal) => AsyncGenerator<string>,
  method = "GET",
) {
  const closing = new AbortController();
  const stop = new AbortController();
  const app = new OpenAPIHono<HttpEnv>();
  const destroy = vi.fn<() => void>();
  const deps = { log: silentLog, closing: closing.signal, keepAliveMs: 5 };
  app.get("/", (c) => streamAnswer(c, deps, type, { pieces: source(stop.signal), stop }));
  const response = app.request("/", { method }, { outgoing: { destroy } });
  return { closing, stop, destroy, response };
}

describe("a stream", () => {
  it("sends what there is and ends", async () => {
    const { response, stop, destroy } = answer(NDJSON_TYPE, () => pieces("a\n", "b\n"));
    expect(await (await response).text()).toBe("a\nb\n");
    expect(stop.signal.aborted).toBe(true);
    expect(destroy).not.toHaveBeenCalled();
  });

  it("keeps silent events alive", async () => {
    const { response, stop } = answer(SSE_TYPE, silence);
    const reader = (await response).body?.getReader();
    for (let n = 0; n < 3; n += 1)
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe(": still here\n\n");
    await reader?.cancel();
    expect(stop.signal.aborted).toBe(true);
  });

  it("is not followed for who asks for its head only", async () => {
    const { response, stop } = answer(SSE_TYPE, silence, "HEAD");
    expect((await response).headers.get("content-type")).toBe(SSE_TYPE);
    expect(stop.signal.aborted).toBe(true);
  });

  it.each([
    [SSE_TYPE, 0],
    [NDJSON_TYPE, 0],
    ["text/plain", 1],
  ])("of %s is ended when the server stops; cut if nobody could tell", async (type, cuts) => {
    const { response, closing, destroy } = answer(type, silence);
    const text = (await response).text();
    closing.abort();
    await text;
    expect(destroy).toHaveBeenCalledTimes(cuts);
  });

  it("is cut when it fails", async () => {
    const { response, destroy } = answer(NDJSON_TYPE, failing);
    expect(await (await response).text()).toBe("first");
    expect(destroy).toHaveBeenCalledOnce();
  });
});
