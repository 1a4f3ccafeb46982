// Signals to a whole process group.

/** Sends `signal` (0 only asks) to every process of the group; false when there is none left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // EPERM: members exist that have become somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
