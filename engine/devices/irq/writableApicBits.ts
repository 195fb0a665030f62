/**
 * Which bits of local APIC registers software may set (Intel SDM volume 3, 11.5.1 and 11.12.1.2). In x2APIC mode a set reserved bit is #GP; in
 * xAPIC mode it is ignored.
 */

/** The entries at 320h timer, 330h thermal, 340h performance, 350h LINT0, 360h LINT1, 370h error. */
export const LVT_WRITABLE = [0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff];

const LVT_DELIVERY_STATUS = 0x1000;
/** Read-only as well, and written back by kernels that set a LINT pin up anew (Linux when it powers off). */
const LVT_REMOTE_IRR = 0x4000;
const LVT_LINTS = [3, 4];
const INTERRUPT_COMMAND = 0x30;

/** By number of the register from MSR 800h on; those that are not here take no writes. */
const x2Writable: ReadonlyMap<number, number> = new Map([
  [0x08, 0xff],
  [0x0b, 0],
  [0x0f, 0x11ff],
  [0x28, 0],
  [INTERRUPT_COMMAND, 0xccfff],
  ...LVT_WRITABLE.map((bits, index) => {
    const readOnly = LVT_DELIVERY_STATUS | (LVT_LINTS.includes(index) ? LVT_REMOTE_IRR : 0);
    return [0x32 + index, bits | readOnly] as const;
  }),
  [0x38, 0xffffffff],
  [0x3e, 0x0b],
  [0x3f, 0xff],
]);

export function mayWriteX2(register: number, low: number, high: number): boolean {
  const allowed = x2Writable.get(register);
  if (allowed === undefined || (low & ~allowed) !== 0) return false;
  return high === 0 || register === INTERRUPT_COMMAND;
}

/** Registers of the page that are there and ignore writes. */
export function isReadOnlyRegister(offset: number): boolean {
  return (
    offset === 0x030 ||
    offset === 0x090 ||
    offset === 0x0a0 ||
    offset === 0x0c0 ||
    offset === 0x390 ||
    (offset >= 0x100 && offset < 0x280)
  );
}
