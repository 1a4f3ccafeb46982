// What is in deploy/, tried for real; alone, because it takes a container engine and minutes.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    pool: "forks",
    include: ["test/e2e/deploy/**/*.test.ts"],
    setupFiles: ["test/lab/leaks.ts"],
  },
});
