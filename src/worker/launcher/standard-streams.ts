// The three standard streams of a program: what it is started with, and the launcher's ends of them.
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";

import type { Pipe, PipePool } from "./pipes.ts";

export type StandardStreams = {
  readonly stdio: readonly (number | "ignore" | "pipe")[];
  /** The launcher's ends, once the program runs. */
  outputs(child: ChildProcess): { stdout: Readable; stderr: Readable };
  /** Closes the program's ends here: it has its own copies, or was not started. */
  letGo(): void;
  /** The program was not started: nothing will ever come. */
  discard(): void;
};

const NO_INPUT = "/dev/null";

/** `stdin` is the path of a file. Without a pool the output goes through Node's own sockets. */
export function openStreams(pool: PipePool | undefined, stdin: string): StandardStreams {
  const input = stdin === NO_INPUT ? undefined : openSync(stdin, "r");
  const pipes: Pipe[] = [];
  const letGo = (): void => {
    if (input !== undefined) closeSync(input);
    for (const { programFd } of pipes) closeSync(programFd);
  };
  const discard = (): void => {
    for (const { socket } of pipes) socket.destroy();
  };
  try {
    if (pool !== undefined) pipes.push(pool.open(), pool.open());
  } catch (error) {
    letGo();
    discard();
    throw error;
  }
  const [out, err] = pipes;
  return {
    stdio: [input ?? "ignore", out?.programFd ?? "pipe", err?.programFd ?? "pipe"],
    outputs: (child) => ({
      stdout: (out?.socket ?? child.stdout) as Readable,
      stderr: (err?.socket ?? child.stderr) as Readable,
    }),
    letGo,
    discard,
  };
}
