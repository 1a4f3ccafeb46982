// How many entries a page may have, as a query says it.
import { z } from "@hono/zod-openapi";

export const limitUpTo = (most: number, usual: number) =>
  z
    .string()
    .regex(/^\d{1,4}$/, "must be a number")
    .transform(Number)
    .refine((count) => count >= 1 && count <= most, `must be 1 to ${most}`)
    .optional()
    .openapi({ type: "integer", minimum: 1, maximum: most, description: `Default ${usual}.` });
