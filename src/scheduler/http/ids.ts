// The ids in paths, checked before anything looks them up: nothing else may ever become part of a broker subject.
import { z } from "@hono/zod-openapi";

import { isJobId, isName, isWorkerId } from "../../shared/names.ts";

export const jobParams = z.object({
  id: z
    .string()
    .refine(isJobId, "A job id has 20 lower-case letters and digits, as POST /v1/jobs returned it.")
    .openapi({ example: "k3v9x0q2m7c1w8z5b4n6" }),
});

export const groupParams = z.object({
  id: z
    .string()
    .refine(
      isJobId,
      "A group id has 20 lower-case letters and digits, as POST /v1/groups returned it.",
    )
    .openapi({ example: "w5z1n6q2m7c8k3v9x0b4" }),
});

export const definitionParams = z.object({
  name: z
    .string()
    .refine(
      isName,
      "A definition's name has 1-64 letters, digits, - or _, starting and ending with a letter or digit.",
    )
    .openapi({ example: "nightly" }),
});

export const workerParams = z.object({
  id: z
    .string()
    .refine(isWorkerId, "A worker id is <name>-<8 characters>, as GET /v1/workers lists it.")
    .openapi({ example: "build-1-x7k2m9qa" }),
});

/** Quarantine belongs to a name; the id of one that bears it says it as well. */
export const releaseParams = z.object({
  id: z
    .string()
    .refine(
      (text) => isName(text) || isWorkerId(text),
      "A worker's name or id, as GET /v1/workers lists it.",
    )
    .openapi({ example: "build-1" }),
});

const named = (what: string, example: string) =>
  z.object({
    name: z
      .string()
      .refine(
        isName,
        `A ${what} name has 1-64 letters, digits, - or _, starting and ending with a letter or digit.`,
      )
      .openapi({ example }),
  });

export const scheduleParams = named("schedule", "nightly");
export const calendarParams = named("calendar", "workdays");

export const queueParams = z.object({
  name: z
    .string()
    .refine(
      isName,
      "A queue name has 1-64 letters, digits, - or _, starting and ending with a letter or digit.",
    )
    .openapi({ example: "default" }),
});
