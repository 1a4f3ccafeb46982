// Says in words what the broker's settings are worth when things go wrong, and what would be worth more. Pure.
import type { StreamReport } from "../../shared/io/inspect.ts";
import { shortDuration } from "../display.ts";
import type { MonitorFacts } from "./facts.ts";
import { ok, warning, type Finding } from "./finding.ts";

const THREE_BROKERS = "three brokers and `millrace scheduler --replicas 3` survive a lost machine";
const STRICT = "`sync_interval: always` on every broker makes it survive power loss too";
const MONITOR = "give --monitor http://HOST:8222 of every broker to know about power loss";

/** The weakest stream and the weakest broker count. */
export function durability(
  streams: readonly StreamReport[],
  monitors: readonly MonitorFacts[],
): Finding {
  const counts = streams.map(({ replicas }) => replicas);
  const copies = Math.min(...counts);
  const most = Math.max(...counts);
  if (copies < most) {
    const weak = streams.filter(({ replicas }) => replicas < most).map(({ name }) => name);
    const text = `${weak.join(", ")}: ${copies} of ${most} copies, so the installation is worth no more than that`;
    return warning("durability", text, `set num_replicas of these streams to ${most}`);
  }
  const power = atPowerLoss(copies, monitors);
  const advice =
    copies > 1 ? power.advice : [THREE_BROKERS, power.advice].filter(Boolean).join("; ");
  return ok("durability", `${survival(copies)}; ${power.text}`, advice);
}

const survival = (copies: number): string =>
  copies > 1
    ? `${copies} copies: accepted jobs survive the loss of ${Math.floor((copies - 1) / 2)} of ${copies} brokers and their disks`
    : "one copy: accepted jobs survive kill -9 of every process, not the loss of the disk";

function atPowerLoss(
  copies: number,
  monitors: readonly MonitorFacts[],
): { text: string; advice?: string } {
  const lazy = monitors.filter(({ sync }) => !sync.always);
  const all = copies > 1 ? " of all brokers at once" : "";
  if (lazy.length > 0) {
    const windowMs = Math.max(...lazy.map(({ sync }) => sync.everyMs));
    const text = `power loss${all} may take the last ${shortDuration(windowMs)}`;
    return { text, advice: STRICT };
  }
  if (monitors.length >= copies) return { text: `they survive power loss${all}` };
  const known = monitors.length === 0 ? "unknown" : `known of ${monitors.length} of ${copies} only`;
  return { text: `how the disk is synced is ${known}`, advice: MONITOR };
}
