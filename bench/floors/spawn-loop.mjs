// The floor of command jobs: a lean Node program that spawns /bin/true and collects its output, so many at once.
// Plain JavaScript, so that nothing is loaded that makes forking dearer. For each line "count width" it prints what that took.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

function runOnce() {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/true", { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.resume();
    child.stderr.resume();
    child.on("error", reject).on("close", resolve);
  });
}

async function loop(count, width) {
  let next = 0;
  const lane = async () => {
    while (next++ < count) await runOnce();
  };
  await Promise.all(Array.from({ length: width }, lane));
}

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const [count, width] = line.split(" ").map(Number);
  const from = performance.now();
  await loop(count, width);
  console.log(JSON.stringify({ seconds: (performance.now() - from) / 1e3 }));
}
