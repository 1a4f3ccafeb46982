// Changes of the configuration: what they expect to find, and another try when somebody was faster.
import { hasCode, MillraceError } from "../shared/errors.ts";

/** The revision that an entry must still have; 0 for one that must be new, undefined for whatever is there. */
export type Expected = number | undefined;

const MAX_ROUNDS = 20;

/** Throws `precondition_failed` when an entry is not as the caller last saw it. `what` names it, as "definition etl". */
export function requireExpected(
  what: string,
  found: { revision: number } | undefined,
  expected: Expected,
): void {
  if (expected === undefined || expected === (found?.revision ?? 0)) return;
  const message =
    found === undefined
      ? `There is no ${what} any more.`
      : expected === 0
        ? `There is a ${what} already.`
        : `The ${what} has changed since you read it; read it again.`;
  throw new MillraceError("precondition_failed", message);
}

/** Again when somebody else was faster. Throws `lost_race` when somebody always is. */
export async function insist<T>(act: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round += 1)
    try {
      return await act();
    } catch (error) {
      if (!hasCode(error, "lost_race") || round === MAX_ROUNDS) throw error;
    }
}
