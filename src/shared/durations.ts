// Durations as people write them ("500ms", "30s", "1h30m") and as the code counts them (milliseconds).
import { MillraceError } from "./errors.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const WHOLE = /^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d))+$/;
const PART = /(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)/g;

/** Longest duration that is accepted anywhere: one year. */
export const MAX_DURATION_MS = 366 * UNIT_MS.d;

/** Milliseconds of a duration text, or undefined when it is none. Units: ms, s, m, h, d; parts may be chained. */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !WHOLE.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(PART))
    ms += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return Math.round(ms);
}

/** As `parseDuration`, for texts that a schema has already checked; throws `invalid_spec` otherwise. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new MillraceError(
      "invalid_spec",
      `"${text}" is no duration; write "500ms", "30s" or "1h30m".`,
    );
  return ms;
}

/** The shortest exact text of a number of milliseconds: 90000 is "1m30s". */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  if (rest === 0) return "0s";
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const amount = Math.floor(rest / UNIT_MS[unit]);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * UNIT_MS[unit];
  }
  return text;
}
