/** The cases of `taskCases.ts` on our executors and QEMU's translator, which leaves some unchecked or does it otherwise: see `otherInQemu`. */
import { allBut, listingConformance } from "./listingConformance.ts";
import { plainCases, taskGuest } from "./taskCases.ts";

/** Where QEMU 7.2 differs, and the manual's (SDM) word. */
const otherInQemu: readonly (readonly [names: RegExp, why: string])[] = [
  [/ clears local breakpoints$/, "LE stays: 80386 manual, 12.2.2, cleared"],
  [
    / new task (without|with (data as|another|a null|bad data|absent|a bad)|beyond)/,
    "the new task's EIP is the JMP's: vol. 3, 7.3, its own",
  ],
  [/ in a debugger's eye$/, "T in the TSS is ignored: vol. 3, 7.2.1, a trap"],
];
/** QEMU's translator pushes RF as it was; we as the SDM has it (vol. 3, 17.3.1.1). */
const withoutResumeFlag = (line: string): string =>
  line.replace(/^(.. .{4} .{8} .{4} 000)1(.{4} .{8} .{4} .{8} )/, "$10$2");

listingConformance({
  listing: "taskCases.txt",
  guest: taskGuest(),
  forQemu: { guest: taskGuest(false), cases: plainCases.length },
  isCompared: allBut(otherInQemu),
  comparable: withoutResumeFlag,
});
