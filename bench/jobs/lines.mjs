// Prints so many 80-byte lines, so many a second; each begins with its instant on the clock that all processes share.
import { setTimeout as delay } from "node:timers/promises";

const [rate, count] = process.argv.slice(2).map(Number);
const from = performance.now();
for (let line = 0; line < count; line += 1) {
  await delay(Math.max(0, from + (line * 1_000) / rate - performance.now()));
  const instant = String(process.hrtime.bigint() / 1_000n).padStart(20, "0");
  process.stdout.write(`${instant} ${"x".repeat(58)}\n`);
}
