// Judges what must agree between the hosts: versions and clocks. Pure.
import { shortDuration } from "../display.ts";
import type { Facts } from "./facts.ts";
import { ok, warning, type Finding } from "./finding.ts";

/** A difference between two clocks that confuses people and schedules. */
const CLOCK_TOLERANCE_MS = 2_000;

export function judgeVersions({ version, installation }: Facts): Finding[] {
  if (installation === undefined || installation instanceof Error) return [];
  const versions = [...new Set(installation.workers.map((worker) => worker.version))].toSorted();
  if (versions.every((one) => one === version)) return [ok("versions", `Millrace ${version}`)];
  return [
    warning(
      "versions",
      `this command is ${version}, workers are ${versions.join(", ")}`,
      "finish the upgrade: schedulers first, then the workers one by one",
    ),
  ];
}

export function judgeClock({ server, broker }: Facts): Finding[] {
  const offsets = [
    ...(server instanceof Error ? [] : [{ whose: "the server's", ms: server.aheadMs }]),
    ...(broker instanceof Error ? [] : [{ whose: "the broker's", ms: broker.clockAheadMs }]),
  ];
  if (offsets.length === 0) return [];
  const off = offsets.filter(({ ms }) => Math.abs(ms) > CLOCK_TOLERANCE_MS);
  if (off.length === 0)
    return [ok("clock", `agrees with ${offsets.map(({ whose }) => whose).join(" and ")}`)];
  return off.map(({ whose, ms }) => {
    const side = ms > 0 ? "behind" : "ahead of";
    const text = `this host is ${shortDuration(Math.abs(ms))} ${side} ${whose}`;
    return warning("clock", text, "let NTP set the clocks of all hosts");
  });
}
