// A delivery is signed, bounded in time, and never reaches inside the network unless that is allowed.
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { isInner } from "../../../../src/scheduler/webhooks/addresses.ts";
import { createDeliver } from "../../../../src/scheduler/webhooks/deliver.ts";
import type { Webhook } from "../../../../src/shared/webhook.ts";

type Received = { headers: IncomingMessage["headers"]; body: string };

let received: Received[] = [];
let status: number | "hang" | "redirect" = 204;
let port = 0;

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
  request.once("end", () => {
    received.push({ headers: request.headers, body });
    if (status === "redirect") response.writeHead(302, { location: "/elsewhere" }).end();
    else if (status !== "hang") response.writeHead(status).end("x".repeat(100_000));
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => {
  received = [];
  status = 204;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const event = {
  id: "k3v9x0q2m7c1w8z5b4n6.1",
  at: "2027-01-31T08:00:00.000Z",
  job: "k3v9x0q2m7c1w8z5b4n6",
  queue: "default",
  labels: {},
  what: "finished",
  state: "succeeded",
} as const;

const hookTo = (url: string): Webhook => ({
  v: 1,
  url,
  secret: "0123456789abcdef",
  enabled: true,
  tries: 1,
  createdAt: 0,
});
const clock = { now: () => 1_700_000_000_500 };

describe("a delivery", () => {
  it("carries the event, its id and a signature over both time and body", async () => {
    const deliver = createDeliver({ clock, inside: true });
    expect(await deliver(hookTo(`http://127.0.0.1:${port}/in`), event)).toEqual({ ok: true });
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(JSON.parse(body)).toEqual(event);
    expect(headers["millrace-event"]).toBe(event.id);
    const digest = createHmac("sha256", "0123456789abcdef").update(`1700000000.${body}`);
    expect(headers["millrace-signature"]).toBe(`t=1700000000,v1=${digest.digest("hex")}`);
  });

  it.each([
    [500, "The receiver answered 500."],
    ["redirect", "The receiver answered 302."],
    ["hang", "no answer in time"],
  ] as const)("that meets %s has not arrived", async (answer, reason) => {
    status = answer;
    const deliver = createDeliver({ clock, inside: true, timeoutMs: 200 });
    expect(await deliver(hookTo(`http://127.0.0.1:${port}/`), event)).toEqual({
      ok: false,
      reason,
    });
    expect(received).toHaveLength(1);
  });

  it.each([
    "http://127.0.0.1:PORT",
    "http://localhost:PORT",
    "http://[::ffff:127.0.0.1]:PORT",
    "http://0x7f000001:PORT",
    "http://2130706433:PORT",
  ])("to %s never leaves, unless addresses inside are allowed", async (url) => {
    const deliver = createDeliver({ clock, inside: false });
    const delivery = await deliver(hookTo(url.replace("PORT", String(port))), event);
    expect(delivery).toMatchObject({ ok: false, reason: expect.stringContaining("inside") });
    expect(received).toHaveLength(0);
  });
});

it.each([
  ["127.0.0.1", true],
  ["10.1.2.3", true],
  ["172.31.255.255", true],
  ["172.32.0.1", false],
  ["192.168.0.1", true],
  ["169.254.169.254", true],
  ["100.64.0.1", true],
  ["0.0.0.0", true],
  ["224.0.0.1", true],
  ["8.8.8.8", false],
  ["::1", true],
  ["::", true],
  ["::ffff:10.0.0.1", true],
  ["::ffff:8.8.8.8", false],
  ["fd00::1", true],
  ["fe80::1", true],
  ["2002:7f00:1::", true],
  ["64:ff9b::7f00:1", true],
  ["2606:4700::1111", false],
])("%s is an inner address: %s", (address, inner) => {
  expect(isInner(address)).toBe(inner);
});
