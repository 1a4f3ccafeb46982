// Prints what the labs of a test file have to say when one of its tests fails.
import { afterAll, afterEach } from "vitest";
import { reports } from "./reports.ts";

afterEach(({ task: { result } }) => {
  if (result?.state === "fail") process.stderr.write(reports.map((report) => report()).join(""));
});
afterAll(() => void reports.splice(0));
