// Starts the program of an attempt in a session of its own, or says why it cannot.
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

import type { PipePool } from "./pipes.ts";
import { directoryProblem, findProgram, spawnProblem, type Refusal } from "./program-file.ts";
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
  const [name = ""] = argv;
  const found = findProgram(name, env["PATH"], cwd);
  if ("code" in found) return directoryProblem(cwd) ?? found;
  const refusalOf = (error: unknown): Refusal =>
    directoryProblem(cwd) ?? spawnProblem(error, found.file);

  let streams: StandardStreams | undefined;
  try {
    streams = openStreams(pool, request.stdin);
    const { stdio } = streams;
    const child = spawn(found.file, argv.slice(1), {
      argv0: name,
      cwd,
      env,
      detached: true,
      stdio,
    });
    if (child.pid !== undefined) return { child, pid: child.pid, ...streams.outputs(child) };
    streams.discard();
    return new Promise((resolve) => child.once("error", (error) => resolve(refusalOf(error))));
  } catch (error) {
    streams?.discard();
    return refusalOf(error);
  } finally {
    streams?.letGo();
  }
}
