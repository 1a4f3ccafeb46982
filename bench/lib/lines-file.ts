// A file of 80-byte lines, no two alike: what a job prints, and what its readers must get.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";

import { pathIn } from "./program.ts";

export const LINE_BYTES = 80;

/** The command that prints so many of them. */
export const printing = (lines: number): [string, ...string[]] => [
  process.execPath,
  pathIn("jobs/print.mjs"),
  String(lines),
];

export async function writeLines(path: string, lines: number): Promise<void> {
  await using file = await open(path, "w");
  const [program, ...args] = printing(lines);
  await once(spawn(program, args, { stdio: ["ignore", file.fd, "inherit"] }), "exit");
}

export async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest("hex");
}
