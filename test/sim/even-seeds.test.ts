// Half of the random histories; the other half is in odd-seeds.test.ts, so that two processes share the work.
import { test } from "vitest";

import { expectCleanHistories } from "./histories.ts";

test("nothing breaks the contract in the histories with even seeds", async () => {
  await expectCleanHistories(0, 2_500, 2);
});
