// Says which version it is.
import { defineHandler } from "millrace";

export default defineHandler({
  name: "resize",
  version: "2.4.0",
  run: () => "2.4.0",
});
