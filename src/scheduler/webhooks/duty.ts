// The leader's duty to the webhooks: one courier for each that is enabled, begun anew when its settings change.
import { hasCode } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { ConfigStore, Revised } from "../../shared/io/config-store.ts";
import type { Happenings } from "../../shared/io/happenings.ts";
import { pause } from "../../shared/io/lifecycle.ts";
import type { Log } from "../../shared/io/log.ts";
import { namespaceOf } from "../../shared/scoped-name.ts";
import type { Webhook, WebhookState } from "../../shared/webhook.ts";
import { createBell } from "../bell.ts";
import type { ChangeLog } from "../change-log.ts";
import type { Shelf } from "../config-book.ts";
import type { Duty } from "../duties.ts";
import { runCourier } from "./courier.ts";
import { deadLetter } from "./dead-letters.ts";
import type { Deliver } from "./deliver.ts";

export type WebhookDutyDeps = {
  broker: Pick<Broker, "streamState" | "subjects" | "clock">;
  shelf: Shelf<Webhook>;
  states: ConfigStore<WebhookState>;
  happenings: Happenings;
  changes: ChangeLog;
  deliver: Deliver;
  log: Log;
};

type Running = { revision: number; stop: AbortController; over: Promise<void> };

const RETRY_MS = 1_000;

export function createWebhookDuty(deps: WebhookDutyDeps): Duty {
  const { broker, shelf, states, happenings, changes, deliver, log } = deps;

  /** Where the webhook stands; from now on when that is unknown. */
  async function stateOf(name: string): Promise<Revised<WebhookState>> {
    const known = await states.read(name);
    if (known !== undefined) return known;
    const { lastSeq } = await broker.streamState(broker.subjects.jobs.stream);
    const value: WebhookState = { v: 1, after: lastSeq };
    return { name, value, revision: await states.put(name, value, 0) };
  }

  async function serve({ name, value: hook }: Revised<Webhook>, signal: AbortSignal) {
    let state = await stateOf(name);
    const courier = {
      hook,
      namespace: namespaceOf(name),
      after: state.value.after,
      changes,
      deliver,
      random: Math.random,
      log: log.child({ webhook: name }),
      async keep(after: number): Promise<void> {
        try {
          const value: WebhookState = { v: 1, after };
          state = { name, value, revision: await states.put(name, value, state.revision) };
        } catch (error) {
          if (!hasCode(error, "lost_race")) throw error;
          // another leader for a moment, or a write whose answer was lost: the next time finds what stands there now
          state = (await states.read(name)) ?? state;
        }
      },
      async bury(event: Parameters<Deliver>[1], reason: string): Promise<void> {
        const letter = deadLetter(name, event, reason, broker.clock.now());
        await happenings.tell(letter, `dead ${name} ${event.id}`);
      },
    };
    await runCourier(courier, signal);
  }

  async function insist(hook: Revised<Webhook>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await serve(hook, signal);
      } catch (error) {
        log.warn({ event: "webhook_interrupted", webhook: hook.name, error }, "begun again");
        await pause(RETRY_MS, signal);
      }
    }
  }

  return {
    name: "webhooks",
    async run(signal) {
      const running = new Map<string, Running>();
      using bell = createBell(signal);
      using _watch = shelf.watch(bell.ring);

      function begin(hook: Revised<Webhook>, before: Promise<void> | undefined): void {
        const stop = new AbortController();
        const over = (before ?? Promise.resolve()).then(() => insist(hook, stop.signal));
        running.set(hook.name, { revision: hook.revision, stop, over });
      }

      function arrange(): void {
        const wanted = shelf.entries().filter(({ value }) => value.enabled);
        for (const [name, courier] of running)
          if (!wanted.some((hook) => hook.name === name)) {
            courier.stop.abort();
            running.delete(name);
          }
        for (const hook of wanted) {
          const courier = running.get(hook.name);
          if (courier?.revision === hook.revision) continue;
          courier?.stop.abort();
          begin(hook, courier?.over);
        }
      }

      while (!signal.aborted) {
        arrange();
        await bell.wait();
      }
      for (const { stop } of running.values()) stop.abort();
      await Promise.all([...running.values()].map(({ over }) => over));
    },
  };
}
