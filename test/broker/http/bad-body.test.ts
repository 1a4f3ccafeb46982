// Bodies that are no JSON object for us get a clear answer and change nothing.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";
import {
  expectProblem,
  misfit,
  post,
  postJob,
  sendJson,
  type Expected,
  type Send,
} from "./problems.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const invalidJson = { status: 400, code: "invalid_json" };
const unsupported = { status: 415, code: "unsupported_media_type" };
const tooLarge = { status: 413, code: "body_too_large" };
const command = ["true"];
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const streamOf = (bytes: number) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (let sent = 0; sent < bytes; sent += 65_536)
        controller.enqueue(new Uint8Array(65_536).fill(32));
      controller.close();
    },
  });

describe("bodies", () => {
  it.each<[string, Send, Expected]>([
    ["not JSON", post("{command:"), invalidJson],
    ["empty", post(""), invalidJson],
    ["no body", post(undefined), invalidJson],
    ["NaN", post('{"command":["a"],"priority":NaN}'), invalidJson],
    ["a byte order mark", post('\ufeff{"command":["a"]}'), invalidJson],
    ["not UTF-8", post(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), invalidJson],
    ["null", post("null"), misfit()],
    ["an array", post("[]"), misfit()],
    ["a string", post('"x"'), misfit()],
    [
      "nested 10,000 deep",
      post(`{"handler":"h","input":${nested(10_000)}}`),
      misfit("input[0][0][0]"),
    ],
    [
      "nested 200,000 deep",
      post(`{"handler":"h","input":${nested(200_000)}}`),
      misfit("input[0][0][0]"),
    ],
    ["a __proto__ key", post('{"command":["a"],"__proto__":{"queue":"x"}}'), misfit("__proto__")],
    [
      "a __proto__ key in disguise",
      post('{"command":["a"],"env":{"__\\u0070roto__":"x"}}'),
      misfit("env.__proto__"),
    ],
    [
      "a constructor key",
      post('{"handler":"h","input":[{"constructor":{}}]}'),
      misfit("input[0].constructor"),
    ],
    ["too long, announced", post(" ".repeat(8_388_609)), tooLarge],
    ["too long, not announced", post(streamOf(9_437_184)), tooLarge],
    ["gzip", post(gzipSync('{"command":["a"]}'), { "Content-Encoding": "gzip" }), unsupported],
    ["no content type", post(new Uint8Array([0x7b, 0x7d]), { "Content-Type": "" }), unsupported],
    ["text/plain", post('{"command":["a"]}', { "Content-Type": "text/plain" }), unsupported],
    ["a form", post("a=b", { "Content-Type": "application/x-www-form-urlencoded" }), unsupported],
    [
      "another charset",
      post("{}", { "Content-Type": "application/json; charset=latin1" }),
      unsupported,
    ],
    ["an unknown field", postJob({ command, qeue: "x" }), misfit("qeue")],
  ])("%s", (_, request, expected) => expectProblem(lab, request, expected));

  it("a batch that is too long, or has a job that is", async () => {
    const padding = "x".repeat(8_388_608);
    const batch = sendJson("POST", "/v1/jobs/batch", { jobs: [{ command }], padding });
    await expectProblem(lab, batch, tooLarge);
    const long = Array.from({ length: 6 }, () => "x".repeat(200_000));
    const job = sendJson("POST", "/v1/jobs/batch", { jobs: [{ command }, { command: long }] });
    await expectProblem(lab, job, { ...tooLarge, field: "jobs[1]" });
  });

  it("a job whose numbers take more room than the body that brought them", () =>
    expectProblem(lab, post(`{"handler":"h","input":[${"1e20,".repeat(250_000)}1]}`), {
      ...tooLarge,
      field: "input",
    }));

  it("takes one byte less than too long, and the last of equal keys", async () => {
    const spec = '{"command":["a"],"queue":"first","queue":"last"}';
    const { status, body } = await api.call("POST", "/v1/jobs", spec.padEnd(8_388_608));
    expect(status).toBe(202);
    expect(body.spec).toEqual({ command: ["a"], queue: "last" });
  });
});

describe("the queue's and the other bodies", () => {
  it.each<[object, string]>([
    [{ paused: "yes" }, "paused"],
    [{ maxRunning: 0 }, "maxRunning"],
    [{ maxRunning: 1e12 }, "maxRunning"],
    [{ maxrunning: 1 }, "maxrunning"],
  ])("%j", (body, field) =>
    expectProblem(lab, sendJson("PUT", "/v1/queues/checked", body), misfit(field)),
  );

  it("a reason and a timeout that are none", async () => {
    const id = await lab.submit();
    await lab.beat();
    await expectProblem(
      lab,
      sendJson("POST", `/v1/jobs/${id}/cancel`, { reason: "a\0b" }),
      misfit("reason"),
    );
    await expectProblem(
      lab,
      sendJson("POST", `/v1/jobs/${id}/cancel`, { why: "x" }),
      misfit("why"),
    );
    await expectProblem(
      lab,
      sendJson("POST", "/v1/workers/tester-abcd1234/drain", { timeout: "long" }),
      misfit("timeout"),
    );
    expect(lab.asked).toEqual([]);
  });
});
