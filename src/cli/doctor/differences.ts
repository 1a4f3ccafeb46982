// Compares what a server says with what the records say, and tells drift from mere lag. Pure.
import type { Snapshot, Value } from "./snapshot.ts";

export type Difference = {
  what: string;
  /** Absent where one side knows nothing of it. */
  server?: Value;
  records?: Value;
};

export function compare(server: Snapshot, records: Snapshot): Difference[] {
  const keys = new Set([...server.keys(), ...records.keys()]);
  return [...keys].flatMap((what) => {
    const said = server.get(what);
    const found = records.get(what);
    if (said === found) return [];
    return [
      {
        what,
        ...(said === undefined ? {} : { server: said }),
        ...(found === undefined ? {} : { records: found }),
      },
    ];
  });
}

/** Those of the second look that were there in the first one too. Counts that move count as the same when they are off by the same. */
export function standing(
  first: readonly Difference[],
  second: readonly Difference[],
): Difference[] {
  const known = new Set(first.map(signature));
  return second.filter((one) => known.has(signature(one)));
}

function signature({ what, server, records }: Difference): string {
  const off =
    typeof server === "number" && typeof records === "number"
      ? server - records
      : `${server} ${records}`;
  return `${what}: ${off}`;
}
