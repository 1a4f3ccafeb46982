// What a worker can say about itself without being told: automatic labels, and the state of its host.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import {
  arch,
  availableParallelism,
  freemem,
  hostname,
  loadavg,
  platform,
  totalmem,
  uptime,
} from "node:os";

import type { Labels } from "../shared/constraints.ts";
import type { Heartbeat } from "../shared/messages.ts";

const MIB = 1_048_576;
const NVIDIA = "/proc/driver/nvidia";
const GPU_DEVICES = ["/dev/nvidia0", "/dev/dri"];

/** os, arch, hostname, cpus, memory (MiB), version, and gpu where there is one; the worker's own labels win. */
export function labelsOf(own: Labels, version: string): Labels {
  const gpu = findGpu();
  return {
    os: platform(),
    arch: arch(),
    hostname: hostname(),
    cpus: String(availableParallelism()),
    memory: String(Math.floor(totalmem() / MIB)),
    version,
    ...(gpu === undefined ? {} : { gpu }),
    ...own,
  };
}

/** The state of the host at this moment, as a heartbeat carries it. */
export function hostState(): Pick<Heartbeat, "load" | "memory" | "uptimeS"> {
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    load: [round(one), round(five), round(fifteen)],
    memory: { totalMb: Math.floor(totalmem() / MIB), freeMb: Math.floor(freemem() / MIB) },
    uptimeS: Math.floor(uptime()),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** The name of the first graphics processor where its driver tells, "true" where only a device shows. */
export function findGpu(): string | undefined {
  return nvidiaModel() ?? (GPU_DEVICES.some((device) => existsSync(device)) ? "true" : undefined);
}

function nvidiaModel(): string | undefined {
  try {
    const [first] = readdirSync(`${NVIDIA}/gpus`);
    const text = readFileSync(`${NVIDIA}/gpus/${first}/information`, "utf8");
    return /^Model:\s*(.+)$/m.exec(text)?.[1];
  } catch {
    return undefined; // no such driver
  }
}
