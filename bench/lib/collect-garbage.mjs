// Loaded into a program under measurement: on SIGUSR2 it drops its garbage and prints what it still holds.
process.on("SIGUSR2", () => {
  globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  console.log(JSON.stringify({ heldBytes: heapUsed + external, residentBytes: rss }));
});
