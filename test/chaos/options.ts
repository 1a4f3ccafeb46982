// What a chaos run is told on its command line.
import { parseArgs } from "node:util";

export type Options = {
  seed: number;
  seconds: number;
  /** Jobs a second. */
  rate: number;
  brokers: 1 | 3;
  schedulers: number;
  workers: number;
  /** Ends with one line of JSON. */
  json: boolean;
  /** A history to judge again instead of making one. */
  history?: string;
};

export const USAGE = `npm run chaos -- [options]
  --seed <n>        of jobs and faults; drawn and printed when left out
  --seconds <n>     how long jobs come and faults happen; default 60
  --rate <n>        jobs a second; default 6
  --brokers 1|3     default 1
  --schedulers <n>  default 2
  --workers <n>     default 4
  --history <file>  judge that history again
  --json            end with one line of JSON`;

export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
      seconds: { type: "string", default: "60" },
      rate: { type: "string", default: "6" },
      brokers: { type: "string", default: "1" },
      schedulers: { type: "string", default: "2" },
      workers: { type: "string", default: "4" },
      history: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const number = (name: "seed" | "seconds" | "rate" | "brokers" | "schedulers" | "workers") => {
    const value = Number(values[name]);
    if (Number.isFinite(value) && value >= 0) return value;
    throw new Error(`--${name} must be a number\n${USAGE}`);
  };
  const brokers = number("brokers");
  if (brokers !== 1 && brokers !== 3) throw new Error(`--brokers must be 1 or 3\n${USAGE}`);
  return {
    seed: number("seed"),
    seconds: number("seconds"),
    rate: number("rate"),
    brokers,
    schedulers: number("schedulers"),
    workers: number("workers"),
    json: values.json,
    ...(values.history === undefined ? {} : { history: values.history }),
  };
}
