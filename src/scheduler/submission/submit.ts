// Accepts a job: its record is in the stream before anybody is told, and an idempotency key makes repeating it harmless.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Broker } from "../../shared/io/broker.ts";
import type { Clock } from "../../shared/io/clock.ts";
import { noJob, type JobStore, type Versioned } from "../../shared/io/job-store.ts";
import { newJob, type Submission } from "../../shared/job-machine.ts";
import type { JobRecord } from "../../shared/job.ts";
import {
  INLINE_BYTES,
  largeTexts,
  MAX_VALUE_BYTES,
  type LargeText,
} from "../../shared/reference.ts";
import { SPEC_DEFAULTS, type JobSpec } from "../../shared/spec.ts";
import type { Admission } from "../admission.ts";
import type { Caller } from "../auth/caller.ts";
import type { ReservationDesk } from "../reservations/desk.ts";
import { fingerprintOf, refusalIn, requireSameBody } from "./idempotency.ts";
import { createKeyRules, type KeyView } from "./key-rules.ts";
import { awaitSeen } from "./seen.ts";

export type Accepted = Versioned & {
  /** True when the job was there already, under the same idempotency key. */
  replayed: boolean;
  /** True when it is another job, which stands for the unique key. */
  existing: boolean;
};

export type AcceptDeps = {
  store: JobStore;
  clock: Pick<Clock, "now">;
  admission: Pick<Admission, "admit">;
  view: KeyView;
};

export type Submit = (spec: JobSpec, by: Caller, key?: string) => Promise<Accepted>;

/** Of JSON, without what stands in files of its own. */
export const MAX_SPEC_BYTES = 1_048_576;

/** A key's job may expire between the refusal and the look at it, hardly ever twice. */
const MAX_ROUNDS = 3;

/** What the broker's largest message must hold beside the spec: attempts, timeline, a handler's result. */
const RECORD_ROOM_BYTES = 524_288;

/** The parts that will stand in files of their own. Throws `body_too_large` for a spec whose record might outgrow what the broker takes in one message, or with too large a value. */
export function requireStorable(spec: JobSpec, maxPayload: number, field?: string): LargeText[] {
  const whole = bytesOf(spec);
  if (whole <= INLINE_BYTES) return [];
  const { input, stdin, ...rest } = spec;
  const texts = largeTexts(spec);
  const large = new Set(texts.map(({ part }) => part));
  for (const { part, bytes } of texts)
    if (bytes > MAX_VALUE_BYTES)
      throw tooLarge(`${part} has ${bytes} bytes`, MAX_VALUE_BYTES, [field, part]);
  // what stands in files of its own does not count
  const kept = {
    ...(large.has("input") ? {} : { input }),
    ...(large.has("stdin") ? {} : { stdin }),
  };
  const bytes = bytesOf({ ...rest, ...kept });
  const limit = Math.min(MAX_SPEC_BYTES, maxPayload - RECORD_ROOM_BYTES);
  if (bytes > limit) throw tooLarge(`The spec has ${bytes} bytes of JSON`, limit, [field]);
  return texts;
}

const bytesOf = (value: object): number => Buffer.byteLength(JSON.stringify(value));

function tooLarge(what: string, limit: number, path: (string | undefined)[]): MillraceError {
  const field = path.filter((part) => part !== undefined).join(".");
  return new MillraceError(
    "body_too_large",
    `${what}; this broker can hold ${limit}.`,
    field === "" ? {} : { field },
  );
}

/** Stores a new record as its queue and its keys allow. Throws `queue_full`, `key_busy`, and `lost_race` when there is one of that id. */
export type Accept = (
  record: JobRecord,
  by: Pick<Caller, "name" | "namespace">,
) => Promise<Accepted>;

/** Stores a record in the place that its queue has for it, which is free again once the index counts the job. Throws `queue_full`, `key_busy`, `quota_exceeded`. */
export type StoreInPlace = (
  record: JobRecord,
  write: (record: JobRecord) => Promise<number>,
) => Promise<Versioned>;

export function createStoreInPlace({
  admission,
  view,
}: {
  admission: Pick<Admission, "admit">;
  view: Pick<KeyView, "get" | "watch">;
}): StoreInPlace {
  return async (record, write) => {
    const place = admission.admit(record.spec, record.origin?.namespace);
    const free = () => place?.[Symbol.dispose]();
    try {
      const stored = { record, seq: await write(record) };
      if (place) awaitSeen(view, stored).then(free, free);
      return stored;
    } catch (error) {
      free();
      throw error;
    }
  };
}

export function createAccept(deps: AcceptDeps): Accept {
  const { store } = deps;
  const rules = createKeyRules(deps);
  const storeInPlace = createStoreInPlace(deps);

  return async (record, by) => {
    const existing = await rules.existing(record.spec, by);
    if (existing && existing.record.id !== record.id)
      return { ...existing, replayed: false, existing: true };
    const stored = await storeInPlace(record, store.create);
    const original = await rules.giveWay(stored);
    if (original) return { ...original, replayed: false, existing: true };
    await rules.replaceOlder(stored, by);
    return { ...stored, replayed: false, existing: false };
  };
}

/** As `Accept`; also throws `idempotency_conflict` when the key was used with another spec. */
export function createSubmit(
  deps: AcceptDeps & {
    admission: Pick<Admission, "admit" | "complete" | "resolve">;
    newJobId(): string;
    broker: Pick<Broker, "maxPayload" | "subjects">;
    reservations: Pick<ReservationDesk, "requireUse">;
  },
): Submit {
  const { store, clock, newJobId, broker, admission, reservations } = deps;
  const { prefix } = broker.subjects;
  const accept = createAccept(deps);

  async function submitAs(id: string, asked: JobSpec, by: Caller, fingerprint?: string) {
    const { reservation, slots = SPEC_DEFAULTS.slots } = asked;
    if (reservation !== undefined) await reservations.requireUse(reservation, by, slots);
    const spec = admission.complete(await admission.resolve(asked, by.namespace));
    const submission = {
      ...submittedBy(by),
      ...(fingerprint === undefined ? {} : { fingerprint }),
    };
    return accept(newJob(id, spec, clock.now(), submission), by);
  }

  async function submitOnce(
    asked: JobSpec,
    by: Caller,
    key: string,
  ): Promise<Accepted | undefined> {
    // what was asked counts, however the queue is set up when it is asked again
    const fingerprint = fingerprintOf(asked);
    const id = derivedId(prefix, ...ownKeys(by), key);
    const outcome = await submitAs(id, asked, by, fingerprint).catch(refusalIn);
    if (!(outcome instanceof MillraceError) && !outcome.existing) return outcome;
    // what stands against it now, or in its place, need not have done so when it was submitted first
    const first = await store.read(id);
    if (first !== undefined) {
      requireSameBody("job", first.record, fingerprint);
      return { ...first, replayed: true, existing: false };
    }
    if (!(outcome instanceof MillraceError)) return outcome;
    if (hasCode(outcome, "lost_race")) return requireReadable(id);
    throw outcome;
  }

  /** A job that came and went may be submitted anew. */
  async function requireReadable(id: string): Promise<undefined> {
    const unreadable = await store.unreadableAt(id);
    if (unreadable !== undefined) throw noJob(id, unreadable);
  }

  return async (asked, by, key) => {
    if (key === undefined) return submitAs(newJobId(), asked, by);
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const accepted = await submitOnce(asked, by, key);
      if (accepted !== undefined) return accepted;
    }
    throw new MillraceError("lost_race", "The key's job came and went; submit it again.");
  };
}

const submittedBy = ({ name, namespace }: Caller): Submission => ({
  actor: name,
  ...(namespace === undefined ? {} : { origin: { namespace } }),
});

/** Each namespace has its own idempotency keys. */
const ownKeys = ({ namespace }: Caller): string[] =>
  namespace === undefined ? [] : ["namespace", namespace];
