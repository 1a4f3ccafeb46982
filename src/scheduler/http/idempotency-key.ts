// The Idempotency-Key header.
import { MillraceError } from "../../shared/errors.ts";

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
