// Specs that cannot be get a clear answer that names the field, and change nothing.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startHttpLab, type HttpLab, type Replica } from "./http-lab.ts";
import { expectProblem, misfit, post, postJob } from "./problems.ts";

let lab: HttpLab;
let api: Replica;

beforeAll(async () => {
  lab = await startHttpLab();
  api = lab.first;
});
afterAll(() => lab[Symbol.asyncDispose]());

const command = ["true"];

describe("specs", () => {
  const fields = [
    "queue",
    "command",
    "shell",
    "script",
    "interpreter",
    "args",
    "handler",
    "env",
    "cwd",
    "stdin",
    "require",
    "prefer",
    "worker",
    "slots",
    "priority",
    "runAt",
    "delay",
    "startWithin",
    "timeout",
    "grace",
    "retry",
    "onWorkerLost",
    "stopOnDisconnect",
    "maxOutput",
    "labels",
    "retention",
    "key",
    "unique",
  ];
  it.each(fields)("null for %s", (field) =>
    expectProblem(lab, postJob({ command, [field]: null }), misfit(field)),
  );
  it.each(fields)("the wrong type for %s", (field) =>
    expectProblem(
      lab,
      postJob({ command, [field]: field === "command" ? {} : field === "shell" ? 1 : [[]] }),
      {
        ...misfit(),
        field: expect.stringMatching(new RegExp(`^${field}`)),
      },
    ),
  );

  const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, "v"]));
  it.each<[string, object, string]>([
    ["an empty argv", { command: [] }, "command"],
    ["an empty program", { command: [""] }, "command"],
    ["NUL in argv", { command: ["a", "b\0c"] }, "command[1]"],
    ["a lone surrogate in argv", { command: ["a", "\ud800"] }, "command[1]"],
    ["10,001 arguments", { command: Array.from({ length: 10_001 }, () => "x") }, "command"],
    ["an argument of 300 KB", { command: ["x".repeat(300_000)] }, "command[0]"],
    ["= in an env name", { command, env: { "A=B": "x" } }, "env.A=B"],
    ["NUL in an env value", { command, env: { A: "\0" } }, "env.A"],
    ["a relative cwd", { command, cwd: "a/b" }, "cwd"],
    ["a cwd with ..", { command, cwd: "/a/../b" }, "cwd"],
    ["timeout 0", { command, timeout: "0s" }, "timeout"],
    ["a negative timeout", { command, timeout: "-1s" }, "timeout"],
    ["a timeout of ten years", { command, timeout: "3650d" }, "timeout"],
    ["a timeout that is a number", { command, timeout: 10 }, "timeout"],
    ["0 attempts", { command, retry: { attempts: 0 } }, "retry.attempts"],
    ["a billion attempts", { command, retry: { attempts: 1e9 } }, "retry.attempts"],
    ["priority -1", { command, priority: -1 }, "priority"],
    ["priority 10", { command, priority: 10 }, "priority"],
    ["priority 1.5", { command, priority: 1.5 }, "priority"],
    ["slots beyond safe integers", { command, slots: 2 ** 53 }, "slots"],
    ["runAt that is no date", { command, runAt: "tomorrow" }, "runAt"],
    ["runAt in the year 10000", { command, runAt: "+010000-01-01T00:00:00Z" }, "runAt"],
    ["delay with runAt", { command, runAt: "2030-01-01T00:00:00Z", delay: "1s" }, "delay"],
    ["a handler with an empty range", { handler: "h@" }, "handler"],
    ["a handler with no range", { handler: "h@latest!" }, "handler"],
    ["an empty key", { command, key: "" }, "key"],
    ["a unique key that is none", { command, unique: { for: "1h" } }, "unique.key"],
    ["a unique time that is none", { command, unique: { key: "k", for: "soon" } }, "unique.for"],
    ["both command and handler", { command, handler: "h" }, "handler"],
    ["neither", { queue: "x" }, "command"],
    ["10,000 labels", { command, labels }, "labels"],
    ["a label of 1 KB", { command, labels: { a: "x".repeat(1_024) } }, "labels.a"],
    ["an unknown operator", { command, require: ["os ~ linux"] }, "require[0]"],
    [
      "a constraint that would blow up",
      { command, require: [`${"(a+)+".repeat(100)}=x`] },
      "require[0]",
    ],
    ["a worker that cannot be", { command, worker: "w.*" }, "worker"],
  ])("%s", (_, spec, field) => expectProblem(lab, postJob(spec), misfit(field)));

  it.each([
    "a.b",
    "*",
    ">",
    "a b",
    "a\tb",
    "a/b",
    "..",
    "x".repeat(300),
    "",
    "$SYS",
    "_INBOX",
    "ü",
    "-a",
  ])("queue name %j", async (queue) => {
    await expectProblem(lab, postJob({ command, queue }), misfit("queue"));
  });

  it("a number beyond all numbers", () =>
    expectProblem(lab, post('{"command":["a"],"priority":1e400}'), misfit("priority")));
  it("a number beyond all numbers in an input", () =>
    expectProblem(lab, post('{"handler":"h","input":1e400}'), misfit("input")));

  it("takes what looks strange and is not: an instant in the past, minus zero", async () => {
    const past = await api.call("POST", "/v1/jobs", { command, runAt: "2001-01-01T00:00:00Z" });
    expect(past).toMatchObject({ status: 202, body: { state: "queued" } });
    expect(past.body.notBefore).toBeUndefined();
    expect(
      (await api.call("POST", "/v1/jobs", '{"command":["a"],"priority":-0}')).body.priority,
    ).toBe(0);
  });
});
