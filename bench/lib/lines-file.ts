// A file of 80-byte lines, no two alike: what a job prints, and what its readers must get.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

export const LINE_BYTES = 80;
const LINES_AT_ONCE = 10_000;

export async function writeLines(path: string, lines: number): Promise<void> {
  await using file = await open(path, "w");
  for (let from = 0; from < lines; from += LINES_AT_ONCE) {
    const count = Math.min(LINES_AT_ONCE, lines - from);
    const block = Array.from({ length: count }, (_, index) => lineOf(from + index));
    await file.write(block.join(""));
  }
}

const lineOf = (index: number): string =>
  `${String(index).padStart(20, "0")} ${"x".repeat(LINE_BYTES - 22)}\n`;

export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
