// What the broker has done so far, from its monitoring endpoint: reading it costs no message.
export type Ledger = {
  /** Messages ever stored, by stream. */
  stored: Readonly<Record<string, number>>;
  /** Messages and bytes over all connections; `in` is towards the broker. */
  in: Traffic;
  out: Traffic;
};

export type Traffic = { messages: number; bytes: number };

type Varz = { in_msgs: number; out_msgs: number; in_bytes: number; out_bytes: number };
type Jsz = {
  account_details: { stream_detail: { name: string; state: { last_seq: number } }[] }[];
};

export async function readLedger(monitor: string): Promise<Ledger> {
  const [varz, jsz] = await Promise.all([
    read<Varz>(`${monitor}/varz`),
    read<Jsz>(`${monitor}/jsz?streams=1`),
  ]);
  const streams = jsz.account_details.flatMap(({ stream_detail }) => stream_detail);
  return {
    stored: Object.fromEntries(streams.map(({ name, state }) => [name, state.last_seq])),
    in: { messages: varz.in_msgs, bytes: varz.in_bytes },
    out: { messages: varz.out_msgs, bytes: varz.out_bytes },
  };
}

const read = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

/** What came on top between two readings. */
export function spent(before: Ledger, after: Ledger): Ledger {
  const traffic = (way: "in" | "out"): Traffic => ({
    messages: after[way].messages - before[way].messages,
    bytes: after[way].bytes - before[way].bytes,
  });
  return {
    stored: Object.fromEntries(
      Object.entries(after.stored).map(([name, last]) => [name, last - (before.stored[name] ?? 0)]),
    ),
    in: traffic("in"),
    out: traffic("out"),
  };
}
