// Brings one event to its receiver: a signed POST, and a 2xx answer in time means that it has arrived.
import { request as httpRequest, type ClientRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";

import type { Clock } from "../../shared/io/clock.ts";
import { signatureOf, type Webhook } from "../../shared/webhook.ts";
import { isInner, literalAddress, lookupOuter, refusal } from "./addresses.ts";
import type { WebhookEvent } from "./event.ts";

export type Delivery = { ok: true } | { ok: false; reason: string };

export type Deliver = (
  hook: Webhook,
  event: WebhookEvent,
  signal?: AbortSignal,
) => Promise<Delivery>;

export type DeliverOptions = {
  clock: Pick<Clock, "now">;
  /** Lets receivers be on addresses inside a network. */
  inside: boolean;
  /** Longest wait for the answer; default 10 s. */
  timeoutMs?: number;
};

const TIMEOUT_MS = 10_000;

/** Redirects are not followed. The connection is made anew each time, so that its address is looked at each time. */
export function createDeliver(options: DeliverOptions): Deliver {
  const { clock, inside, timeoutMs = TIMEOUT_MS } = options;

  function open(hook: Webhook, { id }: WebhookEvent, body: string): ClientRequest {
    const url = new URL(hook.url);
    const literal = literalAddress(url);
    if (!inside && literal !== undefined && isInner(literal)) throw refusal(url.hostname);
    const settings: RequestOptions = {
      method: "POST",
      agent: false,
      ...(inside ? {} : { lookup: lookupOuter }),
      headers: {
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        "User-Agent": "millrace-webhooks",
        "Millrace-Event": id,
        "Millrace-Signature": signatureOf(hook.secret, Math.floor(clock.now() / 1_000), body),
      },
    };
    return url.protocol === "https:" ? httpsRequest(url, settings) : httpRequest(url, settings);
  }

  async function send(hook: Webhook, event: WebhookEvent, signal?: AbortSignal): Promise<Delivery> {
    const body = JSON.stringify(event);
    const request = open(hook, event, body);
    const late = setTimeout(() => request.destroy(new Error("no answer in time")), timeoutMs);
    const giveUp = () => request.destroy(new Error("given up"));
    signal?.addEventListener("abort", giveUp);
    try {
      const status = await statusOf(request, body);
      if (status >= 200 && status < 300) return { ok: true };
      return { ok: false, reason: `The receiver answered ${status}.` };
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", giveUp);
      request.destroy();
    }
  }

  return async (hook, event, signal) => {
    try {
      return await send(hook, event, signal);
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      return { ok: false, reason: message || (code ?? "The receiver cannot be reached.") };
    }
  };
}

/** Nothing of the answer but its status is of interest. */
function statusOf(request: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request.once("response", ({ statusCode = 0 }) => resolve(statusCode));
    // also once the answer is there: cutting the connection then is no failure of anything
    request.on("error", reject);
    request.end(body);
  });
}
