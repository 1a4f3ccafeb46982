// Says which version it is.
import { defineHandler } from "millrace";

export default defineHandler({
  name: "resize",
  version: "1.4.0",
  run: () => "1.4.0",
});
