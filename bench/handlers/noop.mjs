// The job that does nothing: it only says when it started, on the clock that all processes of a machine share.
import { defineHandler } from "millrace";

export default defineHandler({
  name: "noop",
  run: () => Number(process.hrtime.bigint() / 1_000n),
});
