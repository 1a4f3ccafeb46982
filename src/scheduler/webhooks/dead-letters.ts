// Events that could not be delivered: kept among the happenings of their webhook until they are delivered after all.
import type { Happening } from "../../shared/happening.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import type { WebhookEvent } from "./event.ts";

export type DeadLetter = {
  event: WebhookEvent;
  /** Why the last try failed. */
  reason: string;
  /** When it was given up, epoch ms. */
  at: number;
};

export const WEBHOOK_KIND = "webhook";
const DEAD = "undeliverable";
const REVIVED = "redelivered";
const BATCH = 1_000;

export const deadLetter = (
  name: string,
  event: WebhookEvent,
  reason: string,
  at: number,
): Happening => ({
  v: 1,
  at,
  kind: WEBHOOK_KIND,
  name,
  what: DEAD,
  reason,
  job: event.job,
  detail: { event },
});

export const revival = (name: string, { id, job }: WebhookEvent, at: number): Happening => ({
  v: 1,
  at,
  kind: WEBHOOK_KIND,
  name,
  what: REVIVED,
  job,
  detail: { event: { id } },
});

/** What is still undelivered, oldest first. */
export async function readDeadLetters(
  happenings: Pick<Happenings, "read">,
  name: string,
): Promise<DeadLetter[]> {
  const dead = new Map<string, DeadLetter>();
  for (let after = 0; ;) {
    const batch = await happenings.read(WEBHOOK_KIND, name, { after, limit: BATCH });
    for (const { happening } of batch) take(dead, happening);
    const last = batch.at(-1);
    if (last === undefined) return [...dead.values()];
    after = last.seq;
  }
}

function take(dead: Map<string, DeadLetter>, { what, at, reason = "", detail }: Happening): void {
  const event = detail?.["event"] as WebhookEvent | undefined;
  if (event === undefined) return;
  if (what === DEAD) dead.set(event.id, { event, reason, at });
  if (what === REVIVED) dead.delete(event.id);
}
