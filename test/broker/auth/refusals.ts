// Tries what a client may not do, and tells what the broker refused.
import type { NatsConnection } from "nats";

/** What the broker says against these: each publish and each subscription that is refused. */
export async function refusals(
  nc: NatsConnection,
  { publish = [], subscribe = [] }: { publish?: string[]; subscribe?: string[] },
): Promise<string[]> {
  const refused: string[] = [];
  const note = (error: Error | undefined) => {
    const [, kind, subject] = /for (Publish|Subscription) to "([^"]+)"/i.exec(String(error)) ?? [];
    if (kind !== undefined && subject !== undefined) refused.push(subject);
  };
  const reading = (async () => {
    for await (const status of nc.status()) if (status.type === "error") note(status.error);
  })();
  for (const subject of subscribe) nc.subscribe(subject, { callback: note as () => void });
  for (const subject of publish) nc.publish(subject, "{}");
  await nc.flush();
  await nc.close();
  await reading;
  return [...new Set(refused)].toSorted();
}
