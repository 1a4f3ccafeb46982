// Starts the program of an attempt in a session of its own, or says why it cannot.
import { spawn, type ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";

import type { PipePool } from "./pipes.ts";
import {
  directoryProblem,
  findProgram,
  inputProblem,
  spawnProblem,
  type Refusal,
} from "./program-file.ts";
import { LIMITS, type SpawnRequest } from "./protocol.ts";
import { openStreams, type StandardStreams } from "./standard-streams.ts";

const PRLIMIT_OPTIONS = {
  cpuSeconds: "cpu",
  memoryBytes: "as",
  openFiles: "nofile",
  processes: "nproc",
  fileBytes: "fsize",
} as const;

/** Reads a line from a pipe before it becomes its arguments. */
const GATE = ["/bin/sh", "-c", 'read -r _ <&3 && exec "$@" 3<&-', "sh"];
const GATE_FD = 3;

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
  const { env, cwd, user, group } = request;
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
    const { file, args, argv0 } = commandOf(found.file, request);
    const child = spawn(file, args, {
      ...user,
      argv0,
      cwd,
      env,
      detached: true,
      stdio: group === undefined ? [...stdio] : [...stdio, "pipe"],
    });
    if (child.pid !== undefined) {
      if (group !== undefined) letIn(child, group);
      return { child, pid: child.pid, ...streams.outputs(child) };
    }
    streams.discard();
    return new Promise((resolve) => child.once("error", (error) => resolve(refusalOf(error))));
  } catch (error) {
    streams.discard();
    return refusalOf(error);
  } finally {
    streams.letGo();
  }
}

/** Node sets no limits and starts nothing in a group: programs that see to it become the one that was asked for. */
function commandOf(file: string, { argv, limits = {}, group }: SpawnRequest) {
  const [argv0 = "", ...args] = argv;
  const options = LIMITS.flatMap((name) =>
    limits[name] === undefined ? [] : [`--${PRLIMIT_OPTIONS[name]}=${limits[name]}`],
  );
  const steps = [
    ...(group === undefined ? [] : GATE),
    ...(options.length === 0 ? [] : ["prlimit", ...options, "--"]),
  ];
  const [first, ...further] = steps;
  if (first === undefined) return { file, args, argv0 };
  return { file: first, args: [...further, file, ...args], argv0: first };
}

/** Puts what waits at the gate into the group and opens. */
function letIn(child: ChildProcess, group: string): void {
  const gate = child.stdio[GATE_FD] as Writable;
  gate.on("error", () => {}); // it was killed while it waited
  try {
    writeFileSync(group, `${child.pid}`, { flag: "r+" });
    gate.end("\n");
  } catch {
    child.kill("SIGKILL");
  }
}
