// Bytes that are no sound request get a clear answer, or the end of their patience.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Writes raw bytes and reads until the server ends the connection. */
function exchange(bytes: string, url = api.url): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => (answer += text));
    socket.on("error", reject);
    socket.on("close", () => resolve(answer));
  });
}
const parts = (answer: string) => ({
  status: Number(answer.split(" ")[1]),
  problem: JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)),
});

describe("bytes", () => {
  const close = "Connection: close\r\n";
  it.each<[string, string, number, string]>([
    [
      "a header of 100 KiB",
      `GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(102_400)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    [
      "10,000 headers",
      `GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n${"A: b\r\n".repeat(10_000)}\r\n`,
      431,
      "headers_too_large",
    ],
    ["no HTTP", "hello\r\n\r\n", 400, "invalid_header"],
    [
      "two lengths",
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      400,
      "invalid_header",
    ],
    [
      "a negative length",
      "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
      400,
      "invalid_header",
    ],
    [
      "a foreign host",
      `GET /v1/jobs HTTP/1.1\r\nHost: evil.example\r\n${close}\r\n`,
      421,
      "invalid_host",
    ],
    [
      "a foreign host that looks like ours",
      `GET /v1/jobs HTTP/1.1\r\nHost: localhost.evil.example\r\n${close}\r\n`,
      421,
      "invalid_host",
    ],
    [
      "a foreign absolute target",
      `GET http://evil.example/v1/jobs HTTP/1.1\r\nHost: localhost\r\n${close}\r\n`,
      421,
      "invalid_host",
    ],
    [
      "a nonsensical host",
      `GET /v1/jobs HTTP/1.1\r\nHost: a b@c\r\n${close}\r\n`,
      400,
      "invalid_header",
    ],
  ])("%s", async (_, bytes, status, code) => {
    const answer = parts(await exchange(bytes));
    expect(answer).toMatchObject({ status, problem: { status, code } });
    expect((await api.call("GET", "/readyz")).status).toBe(200);
  });

  it.each(["localhost", "127.0.0.1", "[::1]"])("answers for %s on any port", async (host) => {
    const answer = await exchange(`GET /healthz HTTP/1.1\r\nHost: ${host}:9999\r\n${close}\r\n`);
    expect(answer).toContain('{"ok":true}');
  });

  it("answers requests that come before the answer to the last", async () => {
    const one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    const answer = await exchange(`${one}\r\n${one}\r\n${one}${close}\r\n`);
    expect(answer.match(/\{"ok":true\}/g)).toHaveLength(3);
  });

  it("gives up on a body, and on headers, that do not arrive", async () => {
    const before = await lab.stored();
    const hasty = await lab.addReplica({ arrival: { headersMs: 200, wholeMs: 300 } });
    const head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const answers = await Promise.all([
      exchange(`${head}Content-Length: 20\r\n\r\n{"comm`, hasty.url),
      exchange(head, hasty.url),
    ]);
    for (const answer of answers)
      expect(parts(answer)).toMatchObject({ status: 408, problem: { code: "request_timeout" } });
    expect(await lab.stored()).toBe(before);
  });
});
