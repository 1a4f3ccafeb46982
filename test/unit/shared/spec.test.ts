// What a job spec may say, and which field each refusal names.
import { describe, expect, it } from "vitest";

import { MillraceError } from "../../../src/shared/errors.ts";
import { parseSpec } from "../../../src/shared/spec.ts";

const fieldOf = (spec: unknown): string | undefined => {
  try {
    parseSpec(spec);
  } catch (error) {
    if (error instanceof MillraceError && error.code === "invalid_spec")
      return error.field ?? "(whole)";
    throw error;
  }
  return undefined;
};
const command = ["true"];

describe("a spec", () => {
  it("keeps what was asked and adds nothing", () => {
    const spec = {
      command: ["echo", "$(id)", "; ls", "-n", "%s"],
      timeout: "1m30s",
      require: ["cpus>=2"],
      prefer: ["zone=a", { match: "gpu", weight: -5 }],
    };
    expect(parseSpec(spec)).toEqual(spec);
  });

  it.each([
    ["command", {}],
    ["command", { command: [] }],
    ["command", { command: "true" }],
    ["command[0]", { command: [1] }],
    ["command", { command: [""] }],
    ["command[1]", { command: ["a", "b\0c"] }],
    ["command[0]", { command: ["\ud800"] }],
    ["command", { command: Array.from({ length: 10_001 }, () => "x") }],
    ["handler", { command, handler: "h" }],
    ["script", { command, script: "echo" }],
    ["input", { command, input: 1 }],
    ["args", { command, args: ["x"] }],
    ["env", { handler: "h", env: {} }],
    ["shell", { command: ["a", "b"], shell: true }],
    ["delay", { command, delay: "1s", runAt: "2027-01-01T00:00:00Z" }],
    ["colour", { command, colour: "red" }],
    ["retry.tries", { command, retry: { tries: 1 } }],
    ["timeout", { command, timeout: "0s" }],
    ["timeout", { command, timeout: -1 }],
    ["timeout", { command, timeout: "3660d" }],
    ["timeout", { command, timeout: null }],
    ["retry.attempts", { command, retry: { attempts: 0 } }],
    ["retry.attempts", { command, retry: { attempts: 1e9 } }],
    ["retry.on[0]", { command, retry: { on: ["nope"] } }],
    ["priority", { command, priority: -1 }],
    ["priority", { command, priority: 10 }],
    ["priority", { command, priority: 1.5 }],
    ["runAt", { command, runAt: "tomorrow" }],
    ["runAt", { command, runAt: "+010000-01-01T00:00:00Z" }],
    ["runAt", { command, runAt: "2027-13-01T00:00:00Z" }],
    ["queue", { command, queue: "a.b" }],
    ["queue", { command, queue: "" }],
    ["queue", { command, queue: "$SYS" }],
    ["worker", { command, worker: "w1.>" }],
    ["require[0]", { command, require: ["a ~ b"] }],
    ["prefer[0].weight", { command, prefer: [{ match: "a", weight: 101 }] }],
    ["env.A=B", { command, env: { "A=B": "x" } }],
    ["env.A", { command, env: { A: "x\0" } }],
    ["cwd", { command, cwd: "tmp" }],
    ["cwd", { command, cwd: "/tmp/../etc" }],
    [
      "labels",
      { command, labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, "x"])) },
    ],
    ["slots", { command, slots: 0 }],
    ["(whole)", null],
    ["(whole)", [1]],
    ["(whole)", "text"],
  ])("is refused for %s", (field, spec) => expect(fieldOf(spec)).toBe(field));
});
