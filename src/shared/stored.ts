// Reads back what was stored as JSON, by the schema of its kind.
import type { z } from "zod";

/** The value in the text; undefined when it is none of this kind. */
export function decodeStored<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
