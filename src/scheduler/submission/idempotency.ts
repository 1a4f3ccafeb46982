// Idempotency keys: the key names the job or group, so that creating it twice is refused by the broker itself.
import { createHash } from "node:crypto";

import { canonical } from "../../shared/canonical.ts";
import { hasCode, MillraceError } from "../../shared/errors.ts";

/** Equal for bodies that say the same, in whatever order. */
export function fingerprintOf(body: object): string {
  return createHash("sha256").update(canonical(body)).digest("hex");
}

/** What says no to a request, which may have been granted when it was made first; throws what leaves open whether it was granted now. */
export function refusalIn(error: unknown): MillraceError {
  if (!(error instanceof MillraceError) || hasCode(error, "broker_unavailable")) throw error;
  return error;
}

/** Throws `idempotency_conflict` when what the key stands for was submitted with another body. */
export function requireSameBody(
  kind: "job" | "group",
  first: { id: string; fingerprint?: string },
  fingerprint: string | undefined,
): void {
  if (first.fingerprint === fingerprint) return;
  throw new MillraceError(
    "idempotency_conflict",
    `The key stands for ${kind} ${first.id}, which was submitted with another body; use a new key.`,
    { field: "Idempotency-Key" },
  );
}
