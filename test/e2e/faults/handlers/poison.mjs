// Handlers that take their worker down or hold it up, each in its own way, unless told that this is a later attempt.
const deaths = {
  // oxlint-disable-next-line unicorn/no-process-exit -- this is what a careless handler does
  exit: () => process.exit(1),
  throw: () =>
    setTimeout(() => {
      throw new Error("nobody catches this");
    }),
  reject: () => void Promise.reject(new Error("nobody handles this")),
  heap: () => {
    const hoard = [];
    for (;;) hoard.push(Array.from({ length: 1_000_000 }, () => ({ full: Math.random() })));
  },
  // as a loop without end would, but leaves the processor to others
  block: (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
};

export default {
  name: "poison",
  async run({ how, ms }, ctx) {
    ctx.log(`attempt ${ctx.attempt}`);
    deaths[how](ms);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
};
