// The other half of the random histories; see even-seeds.test.ts.
import { test } from "vitest";

import { expectCleanHistories } from "./histories.ts";

test("nothing breaks the contract in the histories with odd seeds", async () => {
  await expectCleanHistories(1, 2_500, 2);
});
