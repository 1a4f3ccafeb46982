import { expect, it } from "vitest";
import { isAlive } from "../../e2e/processes.ts";
import { spawnNode } from "../../lab/spawn.ts";

// ends when its parent is gone and writes to the same standard error, as the launcher of a worker
const WITH_A_CHILD = `
  const { spawn } = require("node:child_process");
  const options = { detached: true, env: {}, stdio: ["pipe", "ignore", "inherit"] };
  console.log("child", spawn("/bin/cat", options).pid);
`;

it("ends what a test has frozen, with its frozen child", async () => {
  const parent = await spawnNode("-e", [WITH_A_CHILD]);
  const child = Number((await parent.printed(/child (\d+)/))[1]);
  for (const pid of [parent.pid, child]) process.kill(pid, "SIGSTOP");
  await parent[Symbol.asyncDispose]();
  expect([parent.pid, child].filter(isAlive)).toEqual([]);
});
