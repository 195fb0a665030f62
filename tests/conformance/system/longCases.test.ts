/** The cases of `longCases.ts` on our executors and QEMU's translator, which leaves much unchecked or does it otherwise: see `otherInQemu`. */
import { allBut, listingConformance } from "./listingConformance.ts";
import { plainCases } from "./longCases.ts";
import { longGuest } from "./longGuest.ts";

/** Where QEMU 7.2 differs, and the manual's (SDM) word. */
const otherInQemu: readonly (readonly [names: RegExp, why: string])[] = [
  [/ SYSE(NTER|XIT)/, "the processor is of another maker, who left these out of 64-bit mode"],
  [/ INT1$/, "is an undefined instruction there"],
  [
    / gate (that is none|beyond the table|of 16 bits)$|supervisor's gate$/,
    "the error code counts gates of 16 bytes twice",
  ],
  [
    / stack table$| stack lost$| SMAP, pushed$/,
    "SS becomes null with the stack table: vol. 2, INT n, only when the level changes",
  ],
  [/ by RSP$|canonical, (pushed|popped)$/, "the same, on the way to a double fault"],
  [/ by RBP( and DS)?$|canonical, left$/, "#GP where SS is meant: vol. 3, 6.15, #SS"],
  [
    /(gate|IRET) to an address that is not canonical$|canonical, (executed|called|returned to)$/,
    "the fault comes at the target",
  ],
  [/(table|FS base|SYSCALL target) that is not canonical$/, "any address is taken"],
  [/reserved bit|reserved page size|no-execute without NXE/, "P is clear in the error code: vol. 3, 4.7, set"],
  [/CR8, reserved bits$|CR0, upper half$/, "reserved bits are ignored"],
  [/code of both sizes$|compatibility mode with a null stack$/, "unchecked"],
  [/step over STI$/, "STI holds off the trap: vol. 2, STI, interrupts only"],
  [/instruction breakpoint after a stack load$/, "is taken: vol. 3, 17.3.1.1, suppressed"],
  [/breakpoint (beside an access|on a write and a step)$/, "breakpoints count by larger pieces, and twice with a step"],
];
/** QEMU's translator pushes RF as it was; we as the SDM has it (vol. 3, 17.3.1.1). */
const withoutResumeFlag = (line: string): string =>
  line.replace(/ [01]([0-9A-F]{4})( [0-9A-F]{16} [0-9A-F]{4} )/, " 0$1$2");

listingConformance({
  listing: "longCases.txt",
  guest: longGuest(),
  forQemu: { guest: longGuest(false), cases: plainCases.length },
  isCompared: allBut(otherInQemu),
  comparable: withoutResumeFlag,
});
