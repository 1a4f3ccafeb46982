// How many attempts of a queue have started lately. Every replica counts them as it reads the assignments, so that a new leader
// goes on where the last one was.
import type { QueueRow } from "./tables.ts";

/** Notes a start, or that it was confirmed at a later instant: from then on it counts for as long as the rate looks back. */
export function noteStart(
  { rules, starts }: QueueRow,
  job: string,
  attempt: number,
  at: number,
): void {
  if (rules.rate === undefined) return;
  const name = startName(job, attempt);
  const known = starts.get(name);
  if (known !== undefined && known >= at) return;
  starts.delete(name);
  starts.set(name, at);
}

/** Nothing came of the start. */
export const forgetStart = ({ starts }: QueueRow, job: string, attempt: number): void =>
  void starts.delete(startName(job, attempt));

const startName = (job: string, attempt: number): string => `${job} ${attempt}`;

/** Epoch ms from which on one more attempt may start as far as the rate goes; undefined: now. */
export function opensAt({ rules: { rate }, starts }: QueueRow, now: number): number | undefined {
  if (rate === undefined) return undefined;
  for (const [name, at] of starts) {
    if (at + rate.perMs > now) break;
    starts.delete(name);
  }
  // more than the limit where it was lowered since
  let tooMany = starts.size - rate.limit;
  if (tooMany < 0) return undefined;
  for (const at of starts.values()) if ((tooMany -= 1) < 0) return at + rate.perMs;
  return undefined;
}
