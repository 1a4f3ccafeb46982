// Which addresses webhooks may lead to: the public ones, unless an operator says otherwise.
//
// The addresses are looked at where the connection is made, so that a name cannot mean one thing when it is checked
// and another when it is used.
import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP } from "node:net";

const INNER = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  INNER.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::", 96],
  ["64:ff9b::", 32],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 9],
  ["ff00::", 8],
] as const)
  INNER.addSubnet(network, bits, "ipv6");

/** True for loopback, private, link-local and other addresses that mean something only inside a network. */
export const isInner = (address: string): boolean =>
  INNER.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

/** An address that stands in the URL itself, which nobody looks up. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) === 0 ? undefined : bare;
}

type Answer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** As `dns.lookup`, and fails for a name that has any inner address. */
export function lookupOuter(hostname: string, options: LookupOptions, answer: Answer): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    const inner = addresses?.find(({ address }) => isInner(address));
    if (error !== null) answer(error, []);
    else if (inner !== undefined || first === undefined) answer(refusal(hostname), []);
    else if (options.all) answer(null, addresses);
    else answer(null, first.address, first.family);
  });
}

export const refusal = (host: string): Error =>
  new Error(
    `${host} is an address inside a network; a scheduler started with --webhooks-inside may tell it.`,
  );
