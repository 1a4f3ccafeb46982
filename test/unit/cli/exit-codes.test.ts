import { describe, expect, it } from "vitest";

import { EXIT, exitCodeOf, exitCodeOfError, signalCode } from "../../../src/cli/exit-codes.ts";
import { MillraceError } from "../../../src/shared/errors.ts";
import { OUTCOMES } from "../../../src/shared/job.ts";

describe("exitCodeOf", () => {
  it.each([
    [{ state: "succeeded", outcome: "exited", exitCode: 0 }, 0],
    [{ state: "failed", outcome: "exited", exitCode: 7 }, 7],
    [{ state: "failed", outcome: "exited", exitCode: 201 }, 201],
    [{ state: "failed", outcome: "signalled", signal: "SIGKILL" }, 137],
    [{ state: "failed", outcome: "threw" }, 1],
    [{ state: "failed", outcome: "invalid_input" }, 1],
    [{ state: "failed", outcome: "timed_out" }, EXIT.timedOut],
    [{ state: "failed", outcome: "spawn_failed" }, EXIT.spawnFailed],
    [{ state: "failed", outcome: "worker_lost" }, EXIT.workerLost],
    [{ state: "cancelled", outcome: "cancelled" }, EXIT.cancelled],
    [{ state: "cancelled" }, EXIT.cancelled],
    [{ state: "expired" }, EXIT.expired],
    [{ state: "running" }, EXIT.detached],
  ] as const)("%o is %i", (job, code) => {
    expect(exitCodeOf(job)).toBe(code);
  });

  it.each(OUTCOMES)("never calls a failed job that %s a success", (outcome) => {
    expect(exitCodeOf({ state: "failed", outcome })).not.toBe(EXIT.ok);
  });
});

describe("signalCode", () => {
  it("adds 128 to the signal's number", () => {
    expect(signalCode("SIGINT")).toBe(130);
    expect(signalCode("SIGTERM")).toBe(143);
  });

  it("has an answer for a signal that this system does not know", () => {
    expect(signalCode("SIGNOSUCH")).toBe(EXIT.failed);
  });
});

describe("exitCodeOfError", () => {
  it("tells usage, absence and the rest apart", () => {
    expect(exitCodeOfError(new MillraceError("invalid_spec", ""))).toBe(EXIT.usage);
    expect(exitCodeOfError(new MillraceError("server_unreachable", ""))).toBe(EXIT.unreachable);
    expect(exitCodeOfError(new MillraceError("job_not_found", ""))).toBe(EXIT.failed);
    expect(exitCodeOfError(new TypeError("a mistake of ours"))).toBe(EXIT.failed);
  });
});
