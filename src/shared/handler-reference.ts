// How a job names a handler ("resize", or "resize@^2" for some of its versions) and how a worker announces one ("resize@2.1.0").
import { Range, valid } from "semver";
import { z } from "zod";

import { isName } from "./names.ts";

const MAX_RANGE = 100;

export type HandlerReference = {
  readonly name: string;
  /** Absent: any version, or none at all. */
  readonly range: Range | undefined;
};

/** What follows the name; undefined where nothing does. */
function split(text: string): { name: string; rest: string | undefined } {
  const at = text.indexOf("@");
  return at === -1
    ? { name: text, rest: undefined }
    : { name: text.slice(0, at), rest: text.slice(at + 1) };
}

/** The name alone, of a reference or of an announcement. */
export const handlerName = (text: string): string => split(text).name;

/** The reference in a text that the schema has passed. */
export function parseHandlerReference(text: string): HandlerReference {
  const { name, rest } = split(text);
  return { name, range: rest === undefined ? undefined : new Range(rest) };
}

/** What a worker announces. */
export const announcementOf = ({ name, version }: { name: string; version?: string }): string =>
  version === undefined ? name : `${name}@${version}`;

/** True when a worker that announces this can run jobs that refer so. */
export function answersTo({ name, range }: HandlerReference, announced: string): boolean {
  const { name: announcedName, rest: version } = split(announced);
  if (announcedName !== name) return false;
  return range === undefined || (version !== undefined && range.test(version));
}

/** A full version as "2.1.0" or "2.1.0-beta.1". */
export const isVersion = (text: unknown): boolean =>
  typeof text === "string" && text.length <= MAX_RANGE && valid(text) === text;

export const handlerReference = z
  .string()
  .refine(
    (text) => isName(handlerName(text)),
    "must be a handler's name: 1-64 letters, digits, - or _, starting and ending with a letter or digit",
  )
  .refine(
    (text) => isRange(split(text).rest),
    'must have a range of versions behind the @, as "resize@^2" or "resize@>=1.2 <3"',
  );

function isRange(text: string | undefined): boolean {
  if (text === undefined) return true;
  if (text.trim() === "" || text.length > MAX_RANGE) return false;
  try {
    return new Range(text).range !== undefined;
  } catch {
    return false;
  }
}
