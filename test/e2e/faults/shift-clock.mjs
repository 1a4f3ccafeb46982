// Preloaded into a program: its wall clock is CLOCK_SHIFT_MS off, and each SIGUSR2 steps it by as much again.
const { Date: TrueDate } = globalThis;
const stepMs = Number(process.env.CLOCK_SHIFT_MS);
let shiftMs = stepMs;
process.on("SIGUSR2", () => (shiftMs += stepMs));

globalThis.Date = class extends TrueDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [Date.now()] : parts));
  }

  static now() {
    return TrueDate.now() + shiftMs;
  }
};
