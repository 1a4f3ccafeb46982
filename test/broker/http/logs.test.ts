// Output over HTTP: raw, as NDJSON and as events; replayed and live; continued by cursor.
import { get, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { until } from "../../lab/until.ts";
import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";
import { openEvents } from "./sse.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const NOT_UTF8 = new Uint8Array([0xff, 0x0a]);
const DONE = { outcome: "exited", exitCode: 0 };

/** A running job that has written `hello\n` to stdout, and what ends it with two bytes on stderr. */
async function speaking() {
  const id = await lab.submit();
  await lab.start(id);
  await until(() => api.view.get(id)?.state === "running", "the job to run");
  const sink = lab.output(id);
  await sink.write("stdout", Buffer.from("hello\n"));
  async function end(): Promise<void> {
    await sink.write("stderr", NOT_UTF8);
    await sink.close(DONE);
    await lab.finish(id);
    await until(() => api.view.get(id)?.state === "succeeded", "the job to end");
  }
  return { id, sink, end };
}

const logs = (id: string, query = "") => `${api.url}/v1/jobs/${id}/logs${query}`;

describe("output that is there", () => {
  it("is raw bytes, or what channel is asked for", async () => {
    const { id, end } = await speaking();
    await end();
    const whole = await fetch(logs(id));
    expect(whole.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(whole.headers.get("x-content-type-options")).toBe("nosniff");
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(
      Buffer.concat([Buffer.from("hello\n"), NOT_UTF8]),
    );
    expect(await (await fetch(logs(id, "?channel=stdout"))).text()).toBe("hello\n");
  });

  it("is one entry a line as NDJSON, and no byte is lost", async () => {
    const { id, end } = await speaking();
    await end();
    const answer = await fetch(logs(id), { headers: { Accept: "application/x-ndjson" } });
    const entries = (await answer.text())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(entries).toMatchObject([
      {
        kind: "chunk",
        attempt: 1,
        no: 0,
        channel: "stdout",
        offset: 0,
        text: "hello\n",
      },
      { kind: "chunk", attempt: 1, no: 1, channel: "stderr", base64: "/wo=" },
      { kind: "end", attempt: 1, complete: true },
    ]);
    const rest = await fetch(logs(id, `?format=text&from=${entries[0].cursor}`));
    expect(Buffer.from(await rest.arrayBuffer())).toEqual(Buffer.from(NOT_UTF8));
  });

  it("is nothing for a job that has not begun", async () => {
    const id = await lab.submit();
    const answer = await fetch(logs(id));
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });
});

describe("output that comes", () => {
  it("is followed from before the job starts, on a replica that has just come", async () => {
    const id = await lab.submit();
    const replica = await lab.addReplica();
    const following = fetch(`${replica.url}/v1/jobs/${id}/logs?follow`);
    await lab.start(id);
    const sink = lab.output(id);
    await sink.write("stdout", Buffer.from("hello\n"));
    await sink.close(DONE);
    await lab.finish(id);
    expect(await (await following).text()).toBe("hello\n");
  });

  it("comes as events that a reader can leave and take up again", async () => {
    const { id, end } = await speaking();
    const stream = await openEvents(logs(id, "?follow"));
    const first = await stream.next();
    expect(first).toMatchObject({ event: "chunk", data: { text: "hello\n" } });
    await stream[Symbol.asyncDispose]();
    await end();
    await using again = await openEvents(logs(id, "?follow"), { "Last-Event-ID": first?.id ?? "" });
    const rest = await again.rest();
    expect(rest).toMatchObject([
      { event: "chunk", data: { channel: "stderr", base64: "/wo=" } },
      { event: "end", data: { complete: true } },
    ]);
    const last = { "Last-Event-ID": rest[1]?.id ?? "" };
    await using over = await openEvents(logs(id, "?follow"), last);
    expect(over.status).toBe(204);
  });

  it("is forgotten at once when its readers have gone", async () => {
    const { id } = await speaking();
    const streams = await Promise.all(
      Array.from({ length: 50 }, () => openEvents(logs(id, "?follow"))),
    );
    for (const stream of streams) await stream.next();
    expect(api.followed()).toBe(1);
    for (const stream of streams) await stream[Symbol.asyncDispose]();
    await until(() => api.followed() === 0, "the subscription to be given back");
  });

  it("does not wait for a reader that does not read, who gets all of it in the end", async () => {
    const { id, sink, end } = await speaking();
    const response = await openUnread(logs(id, "?follow"));
    const piece = Buffer.alloc(65_536, "x");
    for (let n = 0; n < 800; n += 1) await sink.write("stdout", piece);
    await end();
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(6 + 800 * 65_536 + 2);
  });
});

/** An answer of which nothing has been read yet. */
function openUnread(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, resolve).on("error", reject);
  });
}
