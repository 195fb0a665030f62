/** The cases of `protectedCases.ts` on our executors and QEMU's translator, but for what the latter leaves unchecked. */
import { listingConformance } from "./listingConformance.ts";
import { cases, protectedGuest } from "./protectedCases.ts";

/** Limits and rights of data segments, and DR7.GD. */
const uncheckedByQemu = [
  "null data segment",
  "write to read-only",
  "one beyond a segment",
  "across a segment's end",
  "below an expand-down segment",
  "push beyond the stack",
  "general detect",
];

const guest = protectedGuest();
listingConformance({
  listing: "protectedCases.txt",
  guest,
  forQemu: { guest, cases: cases.length },
  isCompared: (line) => !uncheckedByQemu.some((name) => line.endsWith(` ${name}`)),
});
