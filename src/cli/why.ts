// Says in words why a job waits.

/** What the server answers. */
export type Why = {
  reasons: { code: string; message: string }[];
  /** Workers known, and what removed how many of them, in the order of the tests. */
  workers: number;
  filters: { what: string; removed: number }[];
  /** Jobs with the same needs that go first. */
  ahead: number;
};

const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? "" : "s"}`;

/** All reasons in one line. */
export function summarize({ reasons, ahead }: Why): string {
  const texts = reasons.map(({ message }) => message);
  if (ahead > 0) texts.push(`Before it: ${count(ahead, "job")} with the same needs.`);
  return texts.join(" ");
}

/** What each need of the job costs it in workers, one line each. */
export function filterLines({ workers, filters }: Why): string[] {
  let left = workers;
  return filters.map(({ what, removed }) => {
    left -= removed;
    return `${what}: ${count(removed, "worker")} fewer, ${left} left`;
  });
}
