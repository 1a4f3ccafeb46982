// The floor of output: a lean Node program that reads a program's output through a pipe and counts it.
// For each line with a command as JSON it prints what that took.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const [program, ...args] = JSON.parse(line);
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  let bytes = 0;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const piece of child.stdout) bytes += piece.length;
  const seconds = (performance.now() - from) / 1e3;
  const { user, system } = process.cpuUsage(cpuFrom);
  console.log(JSON.stringify({ bytes, seconds, cpuMs: (user + system) / 1e3 }));
}
