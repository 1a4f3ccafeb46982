// How times, sizes and foreign text look in a terminal.
import { formatDuration } from "../shared/durations.ts";

const STEPS = [
  { fromMs: 86_400_000, roundMs: 3_600_000 },
  { fromMs: 3_600_000, roundMs: 60_000 },
  { fromMs: 10_000, roundMs: 1_000 },
  { fromMs: 1_000, roundMs: 100 },
] as const;

/** A duration with no more digits than a person reads: 1.2s, 42s, 3m5s, 2h10m, 4d3h. */
export function shortDuration(ms: number): string {
  const step = STEPS.find(({ fromMs }) => ms >= fromMs);
  const rounded = step === undefined ? ms : Math.round(ms / step.roundMs) * step.roundMs;
  return rounded >= 1_000 && rounded < 10_000
    ? `${rounded / 1_000}s`
    : formatDuration(Math.max(0, rounded));
}

/** How long ago an ISO 8601 instant was; "-" for none. */
export function age(at: string | undefined, now: number): string {
  return at === undefined ? "-" : shortDuration(Math.max(0, now - Date.parse(at)));
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1);
  const amount = count / 1_024 ** power;
  return `${power === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[power]}`;
}

/** Text that others wrote, made safe to show: control and direction-changing characters become visible escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One line of at most `width` characters. */
export function clip(text: string, width: number): string {
  const line = printable(text);
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

/** A command as one could paste it into a shell. */
export function commandLine(argv: readonly string[]): string {
  return argv
    .map((word) => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(" ");
}
