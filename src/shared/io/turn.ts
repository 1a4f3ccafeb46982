// Makes the client write to its connection once in each turn of the loop: a write costs more than many messages in it.
import type { NatsConnection } from "nats";

/** By itself the client writes in a microtask after the first message, so that all which wait for something write one by one. */
type Writing = { protocol: { flushPending(): void; outbound: { size(): number } } };

/** Returns what has an act done right before the write that ends this turn. */
export function writeOncePerTurn(nc: NatsConnection): (act: () => void) => void {
  const { protocol } = nc as unknown as Writing;
  const write = protocol.flushPending.bind(protocol);
  let acts: (() => void)[] = [];
  let isDue = false;

  function endTurn(): void {
    isDue = false;
    const due = acts;
    acts = [];
    for (const act of due) act();
    write();
  }

  function endThisTurn(): void {
    if (!isDue) setImmediate(endTurn);
    isDue = true;
  }

  protocol.flushPending = () => {
    // it asks once more for what an act has added to the write: a turn for nothing costs, too
    if (protocol.outbound.size() > 0) endThisTurn();
  };
  return (act) => {
    acts.push(act);
    endThisTurn();
  };
}
