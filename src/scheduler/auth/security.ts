// Who may do what, put together from the scheduler's settings.
import type { Broker } from "../../shared/io/broker.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import type { ConfigBook } from "../config-book.ts";
import type { HttpDeps } from "../http/deps.ts";
import { API_KEY_KIND, decodeApiKey } from "./api-key.ts";
import { createAudit } from "./audit.ts";
import {
  byCertificate,
  createAuthenticate,
  openToAnybody,
  type Authenticate,
} from "./authenticate.ts";
import { createKeyRing } from "./key-ring.ts";
import { createKeySet } from "./key-set.ts";
import { createRateLimit, unlimited } from "./rate-limit.ts";
import type { AuthSettings } from "./settings.ts";
import { createTokenCheck } from "./tokens.ts";

/** Asks the book for its shelf of keys: to be called before the book's feed runs. */
export function createSecurity(deps: {
  broker: Broker;
  book: ConfigBook;
  settings: AuthSettings;
}): Pick<HttpDeps, "auth" | "keys"> {
  const { broker, book, settings } = deps;
  const { clock } = broker;
  const { tokens: rules, rateLimit, required } = settings;
  const shelf = book.shelf(API_KEY_KIND, decodeApiKey);
  let isComplete = false;
  const ring = createKeyRing({
    shelf,
    clock,
    async complete() {
      if (!isComplete) await book.feed.caughtUp();
      isComplete = true;
    },
  });
  const tokens = rules && createTokenCheck({ keys: createKeySet(rules.jwks, clock), rules, clock });
  return {
    auth: {
      authenticate: required
        ? createAuthenticate({ keys: ring, ...(tokens === undefined ? {} : { tokens }) })
        : withoutTokens(settings),
      admit: rateLimit === undefined ? unlimited : createRateLimit(rateLimit, clock.mono),
      audit: createAudit({ broker, clock }),
    },
    keys: { store: createConfigStore(broker, API_KEY_KIND, decodeApiKey), shelf },
  };
}

const withoutTokens = ({ tls }: AuthSettings): Authenticate =>
  tls?.clientCa === undefined ? openToAnybody : byCertificate;
