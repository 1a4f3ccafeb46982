// Bytes that are no sound request get a clear answer, or the end of their patience.
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Writes raw bytes, then a piece now and then, and reads until the server ends the connection. */
function exchange(bytes: string, url = api.url, piece?: () => Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(bytes));
    const timer = piece && setInterval(() => socket.write(piece()), 40);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      clearInterval(timer);
      answer += text;
    });
    // an answer may come before all of it was taken
    socket.on("error", (error) => (answer === "" ? reject(error) : resolve(answer)));
    socket.on("close", () => resolve(answer));
  });
}
const drop = () => Buffer.from("x");
const parts = (answer: string) => ({
  status: Number(answer.split(" ")[1]),
  problem: JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)),
});

describe("bytes", () => {
  const close = "Connection: close\r\n";
  const head = (what: string, size: number) =>
    `${what} HTTP/1.1\r\nHost: localhost\r\n${close}Content-Length: ${size}\r\n`;
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
    const begun = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    const answers = await Promise.all([
      exchange(`${begun}Content-Length: 20\r\n\r\n{"comm`, hasty.url),
      exchange(begun, hasty.url),
    ]);
    for (const answer of answers)
      expect(parts(answer)).toMatchObject({ status: 408, problem: { code: "request_timeout" } });
    expect(await lab.stored()).toBe(before);
  });

  it("gives an upload time for as long as it moves, and no request that only drips", async () => {
    const arrival = { headersMs: 100, wholeMs: 200 };
    const hasty = await lab.addReplica({ arrival, uploadPace: { bytes: 10_000, withinMs: 600 } });
    const upload = `Content-Type: application/x-tar\r\n\r\n`;
    const archive = pack();
    archive.entry({ name: "a" }, "x".repeat(200_000));
    archive.finalize();
    const bytes = await buffer(archive as AsyncIterable<Uint8Array>);
    let sent = 0;
    const next = () => bytes.subarray(sent, (sent += 15_000));
    const [moving, dripping, job] = await Promise.all([
      exchange(head("PUT /v1/bundles/moving", bytes.length) + upload, hasty.url, next),
      exchange(head("PUT /v1/bundles/dripping", bytes.length) + upload, hasty.url, drop),
      exchange(
        `${head("POST /v1/jobs", 1_000)}Content-Type: application/json\r\n\r\n`,
        hasty.url,
        drop,
      ),
    ]);
    expect(moving).toMatch(/^HTTP\/1.1 201 /);
    for (const answer of [dripping, job])
      expect(answer).toMatch(/^HTTP\/1.1 408 .*"code":"request_timeout"/s);
  });
});
