import { expect, test } from "vitest";

import { allowedEnvironment, jobEnvironment } from "../../../../src/worker/command/environment.ts";

const place = { jobId: "j", attempt: 2, workerId: "w-1", workDir: "/w/j.2" };

test("only the listed variables and the locale pass", () => {
  const env = {
    PATH: "/bin",
    LC_ALL: "C",
    LANG: "C",
    NATS_URL: "nats://secret",
    NODE_OPTIONS: "--x",
    HOME: undefined,
  };
  expect(allowedEnvironment(env)).toEqual({ PATH: "/bin", LC_ALL: "C", LANG: "C" });
});

test("the job's variables win over the worker's, Millrace's over the job's", () => {
  const env = jobEnvironment(
    { PATH: "/bin", TZ: "UTC" },
    { env: { PATH: "/opt", MILLRACE_ATTEMPT: "99" } },
    place,
  );
  expect(env).toEqual({
    PATH: "/opt",
    TZ: "UTC",
    MILLRACE_JOB_ID: "j",
    MILLRACE_ATTEMPT: "2",
    MILLRACE_WORKER_ID: "w-1",
    MILLRACE_WORK_DIR: "/w/j.2",
  });
});
