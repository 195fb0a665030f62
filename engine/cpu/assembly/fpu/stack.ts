// The register stack of the x87: TOP, tags, and how an instruction's exceptions reach the status word. Source: Intel SDM
// vol. 1, 8.1 and 8.5 to 8.7.
import { FPU_CONTROL, FPU_REGISTER, FPU_STATUS, FPU_TAG, FPU_TOP } from "../layout.generated";
import {
  beginOperation,
  DE,
  dropDenormal,
  dropInexact,
  flag,
  IE,
  INTEGER_BIT,
  keepOnlyDenormal,
  OE,
  PE,
  raised,
  roundedUp,
  setDefaultNan,
  setZ,
  UE,
  ZE,
  zExp,
  zSig,
  zSign,
} from "./float80";

/** Status-word bits beside the exceptions. */
export const SF: u32 = 0x40;
export const ES: u32 = 0x80;
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;
export const BUSY: u32 = 0x8000;

const STRIDE: u32 = 16;

/** The operand that `fetch` read. */
export let sSign: u32 = 0;
export let sExp: i32 = 0;
export let sSig: u64 = 0;

// @ts-ignore: TypeScript has no decorators of functions
@inline
function physical(i: u32): u32 {
  return (load<u32>(FPU_TOP) + i) & 7;
}

export function isEmpty(i: u32): bool {
  return ((load<u32>(FPU_TAG) >> (physical(i) * 2)) & 3) == 3;
}

export function setOperand(sign: u32, exp: i32, sig: u64): void {
  sSign = sign;
  sExp = exp;
  sSig = sig;
}

function setTag(register: u32, tag: u32): void {
  const shift = register * 2;
  store<u32>(FPU_TAG, (load<u32>(FPU_TAG) & ~((<u32>3) << shift)) | (tag << shift));
}

export function tagOf(exp: i32, sig: u64): u32 {
  if (exp == 0 && sig == 0) return 1;
  if (exp == 0 || exp == 0x7fff || sig >> 63 == 0) return 2;
  return 0;
}

/** Reads ST(i) into s*, whatever its tag. */
export function fetch(i: u32): void {
  const at = FPU_REGISTER + physical(i) * STRIDE;
  sSig = load<u64>(at);
  const top = load<u16>(at, 8);
  sSign = top >> 15;
  sExp = top & 0x7fff;
}

/** Writes z* to ST(i). */
export function put(i: u32): void {
  const register = physical(i);
  const at = FPU_REGISTER + register * STRIDE;
  store<u64>(at, zSig);
  store<u16>(at, <u16>((zSign << 15) | <u32>zExp), 8);
  setTag(register, tagOf(zExp, zSig));
}

export function moveTop(by: i32): void {
  store<u32>(FPU_TOP, (load<u32>(FPU_TOP) + by) & 7);
}

export function markEmpty(i: u32): void {
  setTag(physical(i), 3);
}

export function pop(): void {
  markEmpty(0);
  moveTop(1);
}

/** Stack underflow: IE, SF, C1 = 0. The masked answer is the default NaN, left in z*. */
export function underflow(): void {
  flag(IE);
  store<u32>(FPU_STATUS, (load<u32>(FPU_STATUS) | SF) & ~C1);
  setDefaultNan();
}

/** Pushes z* when there is nothing more to raise. */
export function pushSettled(): void {
  moveTop(-1);
  put(0);
}

/** Pushes z*; a full stack is an overflow (IE, SF, C1 = 1) and pushes the default NaN when that is masked. */
export function push(): void {
  if (!isEmpty(7)) {
    flag(IE);
    settle();
    store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) | SF | C1);
    if (!masked(IE)) return;
    setDefaultNan();
  } else {
    // A denormal operand of a load does not hold it back, as it does elsewhere.
    settle();
    if ((raised & (IE | ZE)) != 0 && !masked(raised & (IE | ZE))) return;
  }
  pushSettled();
}

// @ts-ignore: TypeScript has no decorators of functions
@inline
export function masked(bits: u32): bool {
  return (bits & ~load<u32>(FPU_CONTROL) & 0x3f) == 0;
}

export function setConditions(bits: u32): void {
  store<u32>(FPU_STATUS, (load<u32>(FPU_STATUS) & ~(C0 | C1 | C2 | C3)) | bits);
}

export function start(): void {
  beginOperation();
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~C1);
}

/**
 * Moves what the operation raised into the status word. True when the result may be written: an unmasked invalid operand, denormal or
 * division by zero leaves the destination as it was.
 */
export function settle(): bool {
  // An invalid operation and a division by zero are found before a denormal operand is.
  if ((raised & (IE | ZE)) != 0) dropDenormal();
  // An unmasked denormal operand stops before anything is computed and rounded.
  if ((raised & DE & ~load<u32>(FPU_CONTROL)) != 0) keepOnlyDenormal();
  let status = load<u32>(FPU_STATUS) | raised;
  if ((raised & PE) != 0 && roundedUp) status |= C1;
  store<u32>(FPU_STATUS, status);
  updateSummary();
  return (raised & ~load<u32>(FPU_CONTROL) & 7) == 0;
}

/** A store to memory is also held back by an unmasked overflow or underflow. */
export function settleStore(): bool {
  const held = (raised & ~load<u32>(FPU_CONTROL) & (OE | UE)) != 0;
  if (held) dropInexact();
  return settle() && !held;
}

/** ES and B follow the unmasked exceptions. */
export function updateSummary(): void {
  const status = load<u32>(FPU_STATUS) & ~(ES | BUSY);
  const pending = (status & ~load<u32>(FPU_CONTROL) & 0x3f) != 0;
  store<u32>(FPU_STATUS, pending ? status | ES | BUSY : status);
}

/** The constants of FLD1 .. FLDZ, rounded as the rounding control asks (SDM vol. 1, 8.3.8). */
export function constant(index: u32, rounding: u32): void {
  const up = rounding == 2;
  const nearest = rounding == 0;
  switch (index) {
    case 0:
      return setZ(0, 16383, INTEGER_BIT);
    case 1: // log2(10) = 3.3219280948873623478|70
      return setZ(0, 16384, 0xd49a_784b_cd1b_8afe + u64(up));
    case 2: // log2(e)
      return setZ(0, 16383, 0xb8aa_3b29_5c17_f0bb + u64(nearest || up));
    case 3: // pi
      return setZ(0, 16384, 0xc90f_daa2_2168_c234 + u64(nearest || up));
    case 4: // log10(2)
      return setZ(0, 16381, 0x9a20_9a84_fbcf_f798 + u64(nearest || up));
    case 5: // ln(2)
      return setZ(0, 16382, 0xb172_17f7_d1cf_79ab + u64(nearest || up));
    default:
      return setZ(0, 0, 0);
  }
}
