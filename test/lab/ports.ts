// TCP ports that nobody listens on.
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** As many different loopback ports as asked for, free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await once(holder, "listening");
      return holder;
    }),
  );
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  await Promise.all(holders.map((holder) => once(holder.close(), "close")));
  return ports;
}
