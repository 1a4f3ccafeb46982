// Plays histories outside of the tests: npx tsx test/sim/replay.ts <seed> [count] shows what broke, and for a single seed what everybody logged.
import { simulate } from "./simulate.ts";

const [first = "1", count = "1"] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const isSingle = count === "1";
const startedAt = performance.now();
let broken = 0;

for (let seed = Number(first); seed < Number(first) + Number(count); seed += 1) {
  const { findings } = await simulate(seed, isSingle ? { trace: say } : {});
  if (findings.length > 0) broken += 1;
  for (const { invariant, why, job = "", evidence = [] } of findings) {
    say(`seed ${seed}: ${invariant} ${job}: ${why}`);
    if (isSingle) for (const each of evidence) say(`  ${JSON.stringify(each)}`);
  }
}
say(`${count} histories, ${broken} broken, ${Math.round(performance.now() - startedAt)} ms`);
