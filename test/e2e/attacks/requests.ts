// Attacks by what a request says: its bytes, its headers, its address, the job in it.
import { gzipSync } from "node:zlib";

import { job, request, type Attack } from "./attack.ts";

const command = ["true"];
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const JSON_TYPE = "application/json";

export const BODIES: Attack[] = [
  job("not JSON", "{command:", "400 invalid_json"),
  job("empty", "", "400 invalid_json"),
  job("NaN", '{"command":["a"],"priority":NaN}', "400 invalid_json"),
  job("a byte order mark", '\ufeff{"command":["a"]}', "400 invalid_json"),
  request("half a character", { body: new Uint8Array([0x22, 0xc3, 0x22]) }, "400 invalid_json"),
  job("10,000 lists in each other", `{"handler":"h","input":${nested(10_000)}}`),
  job("__proto__", '{"command":["a"],"__proto__":{"queue":"x"}}'),
  job("__proto__ in a map", '{"command":["a"],"env":{"__proto__":"x"}}'),
  job("constructor", '{"handler":"h","input":{"constructor":{"prototype":{}}}}'),
  job("a lone surrogate", '{"command":["a","\\ud800"]}'),
  job("a number beyond all numbers", '{"command":["a"],"priority":1e400}'),
  job("a number beyond whole numbers", '{"command":["a"],"slots":9007199254740993}'),
  job("an unknown field", { command, qeue: "x" }),
  request(
    "one byte too many, announced",
    { body: "{", headers: { "Content-Length": "8388609" } },
    "413 body_too_large",
  ),
  request(
    "gzip",
    { body: gzipSync(Buffer.alloc(10_000_000)), headers: { "Content-Encoding": "gzip" } },
    "415 unsupported_media_type",
  ),
  request(
    "a form",
    { body: "a=b", headers: { "Content-Type": "text/plain" } },
    "415 unsupported_media_type",
  ),
  request("no type", { body: "{}", headers: { "Content-Type": "" } }, "415 unsupported_media_type"),
];

const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, "v"]));

export const JOBS: Attack[] = [
  job("no program", { command: [] }),
  job("NUL in an argument", { command: ["a", "b\0c"] }),
  job("10,001 arguments", { command: Array.from({ length: 10_001 }, () => "x") }),
  job("= in a variable's name", { command, env: { "A=B": "x" } }),
  job("NUL in a variable", { command, env: { A: "\0" } }),
  job("a relative directory", { command, cwd: "a/b" }),
  job("a directory with ..", { command, cwd: "/a/../b" }),
  job("no time", { command, timeout: "0s" }),
  job("ten years", { command, timeout: "3650d" }),
  job("a billion attempts", { command, retry: { attempts: 1e9 } }),
  job("priority -1", { command, priority: -1 }),
  job("priority 10", { command, priority: 10 }),
  job("priority 1.5", { command, priority: 1.5 }),
  job("the year 10000", { command, runAt: "+010000-01-01T00:00:00Z" }),
  job("two beginnings", { command, runAt: "2030-01-01T00:00:00Z", delay: "1s" }),
  job("a command and a handler", { command, handler: "h" }),
  job("10,000 labels", { command, labels }),
  job("a label of 1 MB", { command, labels: { a: "x".repeat(1_000_000) } }),
  job("an unknown operator", { command, require: ["os ~ linux"] }),
  job("a test that explodes", { command, require: [`${"(a+)+".repeat(100)}=x`] }),
  job("another's reservation", { command, reservation: "k3v9x0q2m7c1w8z5b4n6" }, "404 not_found"),
  ...["a.b", "*", ">", " ", "a\tb", "a/b", "..", "x".repeat(300), "", "$SYS", "_INBOX"].map(
    (queue) => job(`queue ${JSON.stringify(queue.slice(0, 9))}`, { command, queue }),
  ),
];

const IDS = [
  "*",
  "%3E",
  "a.b",
  "%2e%2e",
  "%00",
  "%0d%0a",
  "%24KV.x",
  "_INBOX.x",
  "x".repeat(10_000),
  "%D0%B0bcdefghijklmnopqrs",
];
const PLACES: [method: string, path: (id: string) => string][] = [
  ["GET", (id) => `/v1/jobs/${id}`],
  ["POST", (id) => `/v1/jobs/${id}/cancel`],
  ["GET", (id) => `/v1/jobs/${id}/logs`],
  ["GET", (id) => `/v1/groups/${id}`],
  ["GET", (id) => `/v1/reservations/${id}`],
];

/** An id that is a step up never gets as far as a route. */
const refusalOf = (id: string): string => (id === "%2e%2e" ? "404 not_found" : "400 invalid_id");

export const IDENTIFIERS: Attack[] = IDS.flatMap((id) =>
  PLACES.map(([method, path]) =>
    request(`${method} ${path(id.slice(0, 12))}`, { method, path: path(id) }, refusalOf(id)),
  ),
);

const raw = (name: string, bytes: string, refusedAs: string): Attack => ({
  name,
  attack: (lab) => lab.exchange(bytes),
  refusedAs,
});

/** A range of the file that the first job left behind. */
const range = (name: string, asked: string, refusedAs: string): Attack => ({
  name,
  attack: (lab) =>
    lab.send({
      method: "GET",
      path: `/v1/jobs/${lab.job}/artifacts/left`,
      headers: { Range: asked },
    }),
  refusedAs,
});

export const HTTP: Attack[] = [
  request("a wrong method", { method: "PATCH" }, "405 method_not_allowed"),
  request("an unknown path", { method: "GET", path: "/v1/nothing" }, "404 not_found"),
  request(
    "a way out of /docs",
    { method: "GET", path: "/docs/..%2f..%2fpackage.json" },
    "404 not_found",
  ),
  request(
    "another method in a header",
    { path: "/v1/jobs/k3v9x0q2m7c1w8z5b4n6", headers: { "X-HTTP-Method-Override": "DELETE" } },
    "405 method_not_allowed",
  ),
  ...["limit=-1", "limit=0", "limit=1e9", "stat=queued", "queue=*"].map((query) =>
    request(query, { method: "GET", path: `/v1/jobs?${query}` }, "400 invalid_query"),
  ),
  request(
    "a forged cursor",
    { method: "GET", path: "/v1/jobs?cursor=forged" },
    "400 invalid_cursor",
  ),
  request(
    "another body under a key",
    { body: '{"command":["false"]}', headers: { "Idempotency-Key": "first" } },
    "409 idempotency_conflict",
  ),
  request(
    "a long key",
    { body: '{"command":["a"]}', headers: { "Idempotency-Key": "x".repeat(10_240) } },
    "400 invalid_header",
  ),
  request(
    "an event id that is none",
    { method: "GET", path: "/v1/events", headers: { "Last-Event-ID": "abc" } },
    "400 invalid_cursor",
  ),
  request(
    "a page of somebody else",
    { body: "{}", headers: { Origin: "http://evil.example", "Content-Type": JSON_TYPE } },
    "403 forbidden_origin",
  ),
  raw(
    "a header of 100 KiB",
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(102_400)}\r\n\r\n`,
    "431 headers_too_large",
  ),
  raw(
    "10,000 headers",
    `GET / HTTP/1.1\r\nHost: localhost\r\n${"A: b\r\n".repeat(10_000)}\r\n`,
    "431 headers_too_large",
  ),
  raw("no HTTP", "hello\r\n\r\n", "400 invalid_header"),
  raw(
    "two lengths",
    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "400 invalid_header",
  ),
  raw(
    "a length and chunks",
    "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "400 invalid_header",
  ),
  raw("no host", "GET /v1/jobs HTTP/1.1\r\nConnection: close\r\n\r\n", "400 invalid_header"),
  request("a host that is none", { headers: { Host: "a b" } }, "400 invalid_header"),
  range("a range behind the end", "bytes=10-", "416 range_unsatisfiable"),
  range("a range beyond all numbers", "bytes=999999999999999-", "416 range_unsatisfiable"),
  range("the last no bytes", "bytes=-0", "416 range_unsatisfiable"),
  {
    name: "a way out of the artifacts",
    attack: (lab) =>
      lab.send({ method: "GET", path: `/v1/jobs/${lab.job}/artifacts/..%2f..%2fetc%2fpasswd` }),
    refusedAs: "404 file_not_found",
  },
];

/** Each takes longer than anybody may, so that all begin before the other attacks. */
export const SLOW: [name: string, bytes: string][] = [
  ["headers", "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: "],
];
