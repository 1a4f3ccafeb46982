// Starts the program of an attempt in a session of its own, or says why it cannot.
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

import type { PipePool } from "./pipes.ts";
import {
  directoryProblem,
  findProgram,
  inputProblem,
  spawnProblem,
  type Refusal,
} from "./program-file.ts";
import type { SpawnRequest } from "./protocol.ts";
import { openStreams, type StandardStreams } from "./standard-streams.ts";

/** A program that runs. It leads its own process group, whose number is its pid. */
export type Program = {
  child: ChildProcess;
  pid: number;
  stdout: Readable;
  stderr: Readable;
};

/** A refusal that Node tells only by an event comes as a promise. */
export function startProgram(
  request: SpawnRequest,
  pool: PipePool | undefined,
): Program | Refusal | Promise<Refusal> {
  const { argv, env, cwd } = request;
  const found = findProgram(request);
  if ("code" in found) return directoryProblem(cwd) ?? found;
  const refusalOf = (error: unknown): Refusal =>
    directoryProblem(cwd) ?? spawnProblem(error, found.file);

  let streams: StandardStreams;
  try {
    streams = openStreams(pool, request.stdin);
  } catch (error) {
    return inputProblem(error);
  }
  try {
    const { stdio } = streams;
    const child = spawn(found.file, argv.slice(1), {
      argv0: argv[0] ?? "",
      cwd,
      env,
      detached: true,
      stdio,
    });
    if (child.pid !== undefined) return { child, pid: child.pid, ...streams.outputs(child) };
    streams.discard();
    return new Promise((resolve) => child.once("error", (error) => resolve(refusalOf(error))));
  } catch (error) {
    streams.discard();
    return refusalOf(error);
  } finally {
    streams.letGo();
  }
}
