// What the API does with webhooks: set them up, look at them, and deliver by hand what could not be delivered.
import { randomBytes } from "node:crypto";

import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { plainName } from "../../shared/scoped-name.ts";
import type { Webhook, WebhookSettings, WebhookState } from "../../shared/webhook.ts";
import { requireExpected } from "../expected.ts";
import { readDeadLetters, revival, type DeadLetter } from "./dead-letters.ts";
import type { Deliver, Delivery } from "./deliver.ts";

export type Webhooks = {
  list(): Revised<Webhook>[];
  /** Throws `not_found`. */
  read(name: string): Promise<Revised<Webhook>>;
  /**
   * Stores the settings if the webhook still stands at `expected` (absent: whatever is there; 0: nothing). A secret
   * that is not given stays as it was; `made` is one that was made up. Throws `precondition_failed`.
   */
  put(
    name: string,
    settings: WebhookSettings,
    expected?: number,
  ): Promise<{ stored: Revised<Webhook>; isNew: boolean; made?: string }>;
  remove(name: string, expected?: number): Promise<void>;
  deadLetters(name: string): Promise<DeadLetter[]>;
  /** Tries each of the events once more, or all that are undelivered. */
  redeliver(
    name: string,
    ids: readonly string[] | undefined,
  ): Promise<{ id: string; delivery: Delivery }[]>;
};

/** Events that one request delivers again at most; asking again goes on with the rest. */
const MOST = 100;

export function createWebhooks(deps: {
  broker: Pick<Broker, "streamState" | "subjects" | "clock">;
  shelf: { entries(): Revised<Webhook>[] };
  store: ConfigStore<Webhook>;
  states: ConfigStore<WebhookState>;
  happenings: Happenings;
  deliver: Deliver;
}): Webhooks {
  const { broker, shelf, store, states, happenings, deliver } = deps;

  async function read(name: string): Promise<Revised<Webhook>> {
    const found = await store.read(name);
    if (found !== undefined) return found;
    throw new MillraceError("not_found", `There is no webhook ${plainName(name)}.`);
  }

  /** The events that a new webhook gets begin here. */
  async function begin(name: string): Promise<void> {
    const { lastSeq } = await broker.streamState(broker.subjects.jobs.stream);
    await states.put(name, { v: 1, after: lastSeq });
  }

  return {
    list: shelf.entries,
    read,
    async put(name, settings, expected) {
      const known = await store.read(name);
      requireExpected(`webhook ${plainName(name)}`, known, expected);
      if (known === undefined) {
        await begin(name);
        const secret = settings.secret ?? randomBytes(24).toString("base64url");
        const value: Webhook = { ...settings, v: 1, secret, createdAt: broker.clock.now() };
        const stored = { name, value, revision: await store.put(name, value, 0) };
        return { stored, isNew: true, ...(settings.secret === undefined ? { made: secret } : {}) };
      }
      const { createdAt } = known.value;
      const secret = settings.secret ?? known.value.secret;
      const value: Webhook = { ...settings, v: 1, secret, createdAt };
      const revision = await store.put(name, value, known.revision);
      return { stored: { name, value, revision }, isNew: false };
    },
    async remove(name, expected) {
      const known = await read(name);
      requireExpected(`webhook ${plainName(name)}`, known, expected);
      await store.remove(name, known.revision);
      const state = await states.read(name);
      if (state !== undefined) await states.remove(name, state.revision).catch(ignoreRace);
    },
    async deadLetters(name) {
      await read(name);
      return readDeadLetters(happenings, name);
    },
    async redeliver(name, ids) {
      const { value: hook } = await read(name);
      const dead = await readDeadLetters(happenings, name);
      const chosen = dead.filter(({ event }) => ids?.includes(event.id) ?? true).slice(0, MOST);
      return Promise.all(
        chosen.map(async ({ event }) => {
          const delivery = await deliver(hook, event);
          if (delivery.ok) await happenings.tell(revival(name, event, broker.clock.now()));
          return { id: event.id, delivery };
        }),
      );
    },
  };
}

/** The courier kept its position for the last time: it goes when the leader hears that the webhook is gone. */
function ignoreRace(error: unknown): void {
  if (!hasCode(error, "lost_race")) throw error;
}
