// Finds a port to listen on.
import { once } from "node:events";
import { createServer } from "node:net";

/** `wanted`, or 0 (any free one) when somebody else listens there. */
export async function freePort(wanted: number, host: string): Promise<number> {
  const probe = createServer();
  try {
    probe.listen(wanted, host);
    await once(probe, "listening");
    return wanted;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}
