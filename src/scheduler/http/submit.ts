// Accepts a job: its record is in the stream before anybody is told, and an idempotency key makes repeating it harmless.
import { derivedId } from "../../shared/derived-id.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";
import type { Versioned } from "../../shared/io/job-store.ts";
import { newJob, type Submission } from "../../shared/job-machine.ts";
import type { JobSpec } from "../../shared/spec.ts";
import type { Caller } from "../auth/caller.ts";
import { BODY_LIMIT } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import { fingerprintOf } from "./idempotency.ts";

export type Accepted = Versioned & {
  /** True when the job was there already, under the same key. */
  replayed: boolean;
};

export type Submit = (spec: JobSpec, by: Caller, key?: string) => Promise<Accepted>;

/** A key's job may expire between the refusal and the look at it, hardly ever twice. */
const MAX_ROUNDS = 3;

/** What the broker's largest message must hold beside the spec: attempts, timeline, a handler's result. */
const RECORD_ROOM_BYTES = 524_288;

/** Throws `body_too_large` for a spec whose record might outgrow what the broker takes in one message. */
export function requireStorable(spec: JobSpec, maxPayload: number, field?: string): void {
  const limit = Math.min(BODY_LIMIT, maxPayload - RECORD_ROOM_BYTES);
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= limit) return;
  throw new MillraceError(
    "body_too_large",
    `The spec has ${bytes} bytes of JSON; this broker can hold ${limit}.`,
    field === undefined ? {} : { field },
  );
}

/** Throws `idempotency_conflict` when the key was used with another spec. */
export function createSubmit(
  deps: Pick<HttpDeps, "store" | "clock" | "newJobId" | "broker">,
): Submit {
  const { store, clock, newJobId, broker } = deps;
  const { prefix } = broker.subjects;

  async function submitOnce(spec: JobSpec, by: Caller, key: string): Promise<Accepted | undefined> {
    const fingerprint = fingerprintOf(spec);
    const id = derivedId(prefix, ...ownKeys(by), key);
    const record = newJob(id, spec, clock.now(), { ...submittedBy(by), fingerprint });
    try {
      return { record, seq: await store.create(record), replayed: false };
    } catch (error) {
      if (!hasCode(error, "lost_race")) throw error;
    }
    const first = await store.read(record.id);
    if (first === undefined) return undefined;
    if (first.record.fingerprint === fingerprint) return { ...first, replayed: true };
    throw new MillraceError(
      "idempotency_conflict",
      `The key stands for job ${record.id}, which was submitted with another body; use a new key.`,
      { field: "Idempotency-Key" },
    );
  }

  return async (spec, by, key) => {
    if (key === undefined) {
      const record = newJob(newJobId(), spec, clock.now(), submittedBy(by));
      return { record, seq: await store.create(record), replayed: false };
    }
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const accepted = await submitOnce(spec, by, key);
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
