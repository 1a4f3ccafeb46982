// Idempotency keys: the key names the job, so that creating it twice is refused by the broker itself.
import { createHash } from "node:crypto";

import { canonical } from "../../shared/canonical.ts";
import { MillraceError } from "../../shared/errors.ts";
import type { JobSpec } from "../../shared/spec.ts";

const KEY = /^[\x20-\x7e]{1,255}$/;

/** The key in a header; throws `invalid_header` for one that is empty, too long or not printable ASCII. */
export function readKey(header: string | undefined): string | undefined {
  if (header === undefined || KEY.test(header)) return header;
  throw new MillraceError(
    "invalid_header",
    "An Idempotency-Key has 1 to 255 printable ASCII characters.",
    { field: "Idempotency-Key" },
  );
}

/** Equal for specs that say the same, in whatever order. */
export function fingerprintOf(spec: JobSpec): string {
  return createHash("sha256").update(canonical(spec)).digest("hex");
}
