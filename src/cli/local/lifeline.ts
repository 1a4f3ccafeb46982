// Ties a program to the one that started it: when that one is gone, even by SIGKILL, so is this one.

/** The parent holds the other end of our standard input and never writes; its end is the parent's. */
export function endWithParent(): void {
  process.stdin.on("end", endHere).on("error", endHere).resume();
  // waiting for the parent's end is no reason to stay
  if ("unref" in process.stdin) process.stdin.unref();
}

/** Without a goodbye: who outlives us has to cope with that anyway. */
const endHere = () => process.kill(process.pid, "SIGKILL");
