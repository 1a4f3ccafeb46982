// The floor of output: a lean Node program that reads a program's output through a pipe and counts it.
// For each line with a file's path it prints what `cat` of that file took.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

console.log("{}");
for await (const path of createInterface({ input: process.stdin })) {
  const from = performance.now();
  const cpuFrom = process.cpuUsage();
  let bytes = 0;
  for await (const piece of spawn("cat", [path], { stdio: ["ignore", "pipe", "inherit"] }).stdout)
    bytes += piece.length;
  const seconds = (performance.now() - from) / 1e3;
  const { user, system } = process.cpuUsage(cpuFrom);
  console.log(JSON.stringify({ bytes, seconds, cpuMs: (user + system) / 1e3 }));
}
