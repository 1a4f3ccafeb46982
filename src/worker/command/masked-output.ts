// Where a program's output goes, with its secrets taken out on the way.
import type { Channel } from "../launcher/launcher.ts";
import { createMask, type Mask } from "../policy/mask.ts";

export type Output = {
  /** A promise holds the program back until it settles. */
  write(channel: Channel, bytes: Uint8Array): void | Promise<void>;
  /** Hands on what was held back, once nothing more comes. */
  finish?(): Promise<void>;
};

/** The output itself when there are no secrets. */
export function withoutSecrets(output: Output, secrets: readonly string[]): Output {
  if (secrets.length === 0) return output;
  const masks: Record<Channel, Mask> = { stdout: createMask(secrets), stderr: createMask(secrets) };
  return {
    write(channel, bytes) {
      const passed = masks[channel].pass(bytes);
      return passed.length === 0 ? undefined : output.write(channel, passed);
    },
    async finish() {
      for (const channel of ["stdout", "stderr"] as const) {
        const rest = masks[channel].rest();
        if (rest.length > 0) await output.write(channel, rest);
      }
    },
  };
}
