/** Instructions that set, clear and move flags (Intel SDM vol. 2). CLI and STI obey IOPL and VME in their helpers. */
import type { FlagName, Semantics } from "./Algebra.ts";
import { nullary } from "./shapes.ts";

/** SF ZF AF PF CF where LAHF and SAHF have them in AH. */
const ahBits: readonly (readonly [FlagName, number])[] = [
  ["SF", 7],
  ["ZF", 6],
  ["AF", 4],
  ["PF", 2],
  ["CF", 0],
];
const ah = 4;

const assign = (name: FlagName, value: boolean): Semantics =>
  nullary((x) => x.setFlag(name, x.constantCondition(value)));

export const flags = {
  CLC: assign("CF", false),
  STC: assign("CF", true),
  CMC: nullary((x) => x.setFlag("CF", x.not2(x.getFlag("CF")))),
  CLD: assign("DF", false),
  STD: assign("DF", true),
  CLI: nullary((x) => {
    x.helper("cli");
  }),
  /** Interrupts stay off for one more instruction, but only when they were off before. */
  STI: nullary((x) => {
    const wasOff = x.not2(x.getFlag("IF"));
    x.helper("sti");
    x.when(wasOff, () => x.interruptShadow());
  }),
  LAHF: nullary((x) => {
    let image = x.constant(8, 2);
    for (const [name, bit] of ahBits) {
      image = x.or(image, x.shiftLeft(x.fromCondition(x.getFlag(name), 8), x.constant(8, bit)));
    }
    x.writeRegister(8, ah, image);
  }),
  SAHF: nullary((x) => {
    const image = x.readRegister(8, ah);
    for (const [name, bit] of ahBits) x.setFlag(name, x.bit(image, bit));
  }),
  /** Undocumented on all x86 processors: AL = CF ? FF : 00. */
  SALC: nullary((x) => x.writeRegister(8, 0, x.neg(x.fromCondition(x.getFlag("CF"), 8)))),
} satisfies Record<string, Semantics>;
