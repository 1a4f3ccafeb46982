// The floor of a command's first byte: a lean Node program that spawns printf and waits for what it prints.
// For each line with a count it prints the milliseconds that each took.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const milliseconds = [];
  for (let left = Number(line); left > 0; left -= 1) {
    const from = performance.now();
    const child = spawn("printf", ["x"], { stdio: ["ignore", "pipe", "pipe"] });
    const closed = once(child, "close");
    await once(child.stdout, "data");
    milliseconds.push(performance.now() - from);
    await closed;
  }
  console.log(JSON.stringify({ milliseconds }));
}
