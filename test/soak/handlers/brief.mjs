// A job that takes about five milliseconds and no processor.
import { setTimeout as delay } from "node:timers/promises";

import { defineHandler } from "millrace";

export default defineHandler({ name: "brief", run: () => delay(5) });
