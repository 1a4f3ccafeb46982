// Prints so many 80-byte lines, no two alike, as fast as they are made: some hundreds to a write, as buffered output has it.
import { writeSync } from "node:fs";

const LINES_AT_ONCE = 800;
const FILLING = "x".repeat(58);

function write(text) {
  for (let rest = Buffer.from(text); rest.length > 0;) rest = rest.subarray(writeSync(1, rest));
}

const count = Number(process.argv[2]);
for (let from = 0; from < count; from += LINES_AT_ONCE) {
  let block = "";
  for (let line = from; line < Math.min(count, from + LINES_AT_ONCE); line += 1)
    block += `${String(line).padStart(20, "0")} ${FILLING}\n`;
  write(block);
}
