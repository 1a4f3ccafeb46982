// The webhooks put together: what the API does with them, and the leader's duty.
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import { createHappenings } from "../../shared/io/happenings.ts";
import type { Log } from "../../shared/io/log.ts";
import { decodeWebhook, decodeWebhookState } from "../../shared/webhook.ts";
import { createChangeLog } from "../change-log.ts";
import type { SchedulerConfig } from "../config.ts";
import type { ConfigBook } from "../config-book.ts";
import type { Board } from "../core/board.ts";
import type { Duty } from "../duties.ts";
import { createDeliver } from "./deliver.ts";
import { createWebhookDuty } from "./duty.ts";
import { createWebhooks, type Webhooks } from "./webhooks.ts";

/** To be called before the book's feed runs. */
export function openWebhooks(deps: {
  broker: Broker;
  book: ConfigBook;
  view: Pick<Board, "watch" | "newestSeq">;
  config: Pick<SchedulerConfig, "webhooksInside">;
  log: Log;
}): { api: Webhooks; duty: Duty } {
  const { broker, book, view, config, log } = deps;
  const parts = {
    broker,
    shelf: book.shelf("webhook", decodeWebhook),
    store: createConfigStore(broker, "webhook", decodeWebhook),
    states: createConfigStore(broker, "webhook-state", decodeWebhookState),
    happenings: createHappenings(broker),
    deliver: createDeliver({ clock: broker.clock, inside: config.webhooksInside }),
    log,
  };
  const changes = createChangeLog({ view, broker, behind: "all" });
  return { api: createWebhooks(parts), duty: createWebhookDuty({ ...parts, changes }) };
}
