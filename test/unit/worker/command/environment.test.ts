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

test("a job of a group knows its place, and what it stands for", () => {
  const group = { id: "g", member: "build", index: 1, count: 4, values: { os: "linux" } };
  expect(jobEnvironment({}, {}, place, { group })).toMatchObject({
    MILLRACE_GROUP: "g",
    MILLRACE_MEMBER: "build",
    MILLRACE_INDEX: "1",
    MILLRACE_COUNT: "4",
    MILLRACE_MATRIX_OS: "linux",
  });
  const single = jobEnvironment({}, {}, place, { group: { id: "g", member: "build", index: 0 } });
  expect(single).not.toHaveProperty("MILLRACE_INDEX");
});
