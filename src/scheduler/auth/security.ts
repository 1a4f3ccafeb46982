// Who may do what, put together from the scheduler's settings.
import { putOut, serveAdmission } from "../../shared/io/admission.ts";
import type { Broker } from "../../shared/io/broker.ts";
import { serveConfinedReads } from "../../shared/io/confined-reads.ts";
import { createConfigStore } from "../../shared/io/config-store.ts";
import type { Log } from "../../shared/io/log.ts";
import { readSeed } from "../../shared/io/nkeys.ts";
import { isWorkerId, workerName } from "../../shared/names.ts";
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
import { createAdmit, decodeEnrolment, ENROLMENT_KIND } from "./enrolment.ts";
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
}): Pick<HttpDeps, "auth" | "keys" | "enrolments"> {
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
    enrolments: {
      store: createConfigStore(broker, ENROLMENT_KIND, decodeEnrolment),
      shelf: book.shelf(ENROLMENT_KIND, decodeEnrolment),
      putOut: (worker) =>
        putOut(broker, (identity) => isWorkerId(identity) && workerName(identity) === worker),
    },
    keys: { store: createConfigStore(broker, API_KEY_KIND, decodeApiKey), shelf },
  };
}

const withoutTokens = ({ tls }: AuthSettings): Authenticate =>
  tls?.clientCa === undefined ? openToAnybody : byCertificate;

/** Answers the broker's questions while in use: who may come in, and what workers may not read by themselves. */
export function serveBroker(deps: {
  broker: Broker;
  settings: AuthSettings;
  log: Log;
}): Disposable {
  const { broker, settings, log } = deps;
  const { subjects, clock } = broker;
  const reads = serveConfinedReads(broker);
  const admission =
    settings.enrolKey === undefined
      ? undefined
      : serveAdmission({
          broker,
          issuer: readSeed(settings.enrolKey),
          admit: createAdmit({
            store: createConfigStore(broker, ENROLMENT_KIND, decodeEnrolment),
            subjects,
            clock,
          }),
          log,
        });
  return {
    [Symbol.dispose]() {
      admission?.[Symbol.dispose]();
      reads[Symbol.dispose]();
    },
  };
}
