// What the assignment log says, for checks that nothing was given away twice.
import type { Broker } from "../../../src/shared/io/broker.ts";
import { textOf } from "../../../src/shared/io/wire.ts";
import { decodeAssignments } from "../../../src/shared/messages.ts";

export type LoggedAssignment = { key: string; worker: string; epoch: number };

/** Every assignment in the order of the log; `key` is job and attempt. */
export async function loggedAssignments(broker: Broker): Promise<LoggedAssignment[]> {
  const { assign } = broker.subjects;
  const found: LoggedAssignment[] = [];
  for (let from = 1, more = true; more;) {
    const range = await broker.range(assign.stream, { from, subject: assign.all });
    more = range.more && range.messages.length > 0;
    for (const message of range.messages) {
      from = message.seq + 1;
      const batch = decodeAssignments(textOf(message));
      for (const { record, attempt } of batch?.items ?? [])
        found.push({
          key: `${record.id} ${attempt}`,
          worker: message.subject,
          epoch: batch?.epoch ?? 0,
        });
    }
  }
  return found;
}

/** Attempts that stand in the log more than once. */
export function repeated(assignments: readonly LoggedAssignment[]): string[] {
  const seen = new Set<string>();
  return assignments.flatMap(({ key }) => (seen.size === seen.add(key).size ? [key] : []));
}
