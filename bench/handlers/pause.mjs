// The job that takes a while without using the processor.
import { setTimeout as delay } from "node:timers/promises";
import { defineHandler } from "millrace";

export default defineHandler({ name: "pause", run: (milliseconds) => delay(milliseconds) });
