// Four kinds of tests: unit (pure), sim (whole histories in virtual time), broker (a real nats-server per file), e2e (real processes).
import { defineConfig } from "vitest/config";

import { SimFirst } from "./lab/order.ts";

const leakCheck = "test/lab/leaks.ts";
// the image of testcontainers' own reaper cannot be had everywhere; what a test starts, it removes
const env = { TESTCONTAINERS_RYUK_DISABLED: "true" };

export default defineConfig({
  test: {
    pool: "forks",
    // most tests wait most of the time
    maxWorkers: 4,
    sequence: { sequencer: SimFirst },
    coverage: { include: ["src/**/*.ts"] },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 30_000,
          // pure: nothing that a file leaves behind could be in the way of the next, and most of the time went into loading
          isolate: false,
        },
      },
      {
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts"],
          setupFiles: ["test/lab/yield.ts"],
          testTimeout: 300_000,
        },
      },
      {
        test: {
          name: "broker",
          include: ["test/broker/**/*.test.ts"],
          setupFiles: [leakCheck],
          // loading takes longer than most tests; what a file leaves behind fails it, and is in nobody's way
          isolate: false,
          env,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // needs a container engine and minutes: npm run test:deploy
          exclude: ["test/e2e/deploy/**"],
          setupFiles: [leakCheck, "test/lab/tell.ts"],
          isolate: false,
          // longer than anything is waited for, so that what fails says what it waited for
          testTimeout: 90_000,
          hookTimeout: 90_000,
        },
      },
    ],
  },
});
