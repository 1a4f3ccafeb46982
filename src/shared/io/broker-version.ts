// Says whether a nats-server is new enough for Millrace.
import { MillraceError } from "../errors.ts";

/** The oldest nats-server whose settings Millrace relies on (message TTL with markers, and what came before it). */
export const NEEDED_SERVER_VERSION = "2.12.0";

/** Throws `broker_too_old`, naming both versions, unless `found` is at least `needed`. Pre-release suffixes count for nothing. */
export function checkServerVersion(found: string, needed = NEEDED_SERVER_VERSION): void {
  if (isAtLeast(found, needed)) return;
  throw new MillraceError(
    "broker_too_old",
    `This nats-server is version ${found || "unknown"}; Millrace needs ${needed} or newer. Upgrade it, or leave NATS_URL unset to use the embedded broker.`,
  );
}

/** False also when `found` cannot be read as a version. */
export function isAtLeast(found: string, needed: string): boolean {
  const have = numbers(found);
  const want = numbers(needed);
  if (have === undefined || want === undefined) return false;
  const different = want.findIndex((part, i) => part !== have[i]);
  return different === -1 || (have[different] ?? 0) > (want[different] ?? 0);
}

function numbers(version: string): number[] | undefined {
  return /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
}
