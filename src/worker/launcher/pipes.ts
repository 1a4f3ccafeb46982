// Real pipes for the output of programs: Node's own are sockets, and opening /dev/stdout on a socket fails with ENXIO.
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The end for the program, to be closed once it has it, and the launcher's end. */
export type Pipe = { readonly programFd: number; readonly socket: Socket };

/**
 * Node cannot make a pipe, but it can open a named one. The pool keeps nameless references to named pipes (O_PATH, which
 * counts neither as reader nor as writer) and opens them anew for each program, so that nothing of it shows in the file system.
 */
export type PipePool = { open(): Pipe };

const O_PATH = 0o10000000;
const BATCH = 16;

/** Undefined where the system has no such pipes (not Linux, or no mkfifo): use Node's sockets there. */
export function createPipePool(): PipePool | undefined {
  if (process.platform !== "linux") return undefined;
  const free: number[] = [];

  function open(): Pipe {
    if (free.length === 0) addPipes(free, BATCH);
    const reference = free.pop() as number;
    const path = `/proc/self/fd/${reference}`;
    let own: number | undefined;
    try {
      // In this order neither waits for the other end.
      own = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const programFd = openSync(path, constants.O_WRONLY);
      const socket = new Socket({ fd: own, readable: true, writable: false });
      // After its end nobody has the pipe open; one that was cut off may still have a writer.
      socket.once("close", () =>
        socket.readableEnded ? free.push(reference) : closeSync(reference),
      );
      return { programFd, socket };
    } catch (error) {
      if (own !== undefined) closeSync(own);
      free.push(reference);
      throw error;
    }
  }

  try {
    addPipes(free, BATCH);
  } catch {
    return undefined;
  }
  return { open };
}

function addPipes(references: number[], count: number): void {
  const directory = mkdtempSync(join(tmpdir(), "millrace-pipes-"));
  try {
    const names = Array.from({ length: count }, (_, index) => join(directory, String(index)));
    execFileSync("mkfifo", ["-m", "600", ...names], { stdio: "ignore" });
    for (const name of names) references.push(openSync(name, O_PATH));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
