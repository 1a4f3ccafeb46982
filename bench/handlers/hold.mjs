// Makes its worker hold so many megabytes for the rest of its life.
import { defineHandler } from "millrace";

const held = [];

export default defineHandler({
  name: "hold",
  run(megabytes) {
    held.push(Buffer.alloc(megabytes * 1_000_000, 1));
  },
});
