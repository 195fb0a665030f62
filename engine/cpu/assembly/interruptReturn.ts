/**
 * IRET (SDM vol. 2): real mode, virtual-8086 mode with and without VME, the same and outer levels, back into virtual-8086 mode, and the nested
 * task return, and 64-bit code. Nothing changes before every check has passed. RF is only taken while a breakpoint is armed, since nothing else looks
 * at it.
 */
import { checkCodeOffset, markAccessed, rplOf, setSegmentFrom } from "./descriptors";
import { checkReturnCode, returnWithStack } from "./farTransfer";
import { VECTOR_NP, generalProtection } from "./faults";
import { writeFlags } from "./flags";
import { CS, DR, DS, ES, FS, GS, NMI_BLOCKED, SS } from "./layout.generated";
import { setCpl, setParagraphSegment, setVirtual8086Segment } from "./segments";
import { commitStackPointer, peek, release, useCurrentStack } from "./stack";
import {
  CR4_VME,
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  RSP,
  cpl,
  cr4,
  flagsSystem,
  iopl,
  isCode64,
  isLongMode,
  isProtected,
  isVirtual8086,
  segmentLimit,
  setGpr32,
  setRip,
} from "./state";
import { returnToPreviousTask } from "./taskSwitch";

const MASK16: u32 = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT;
const MASK32: u32 = MASK16 | FLAG_RF | FLAG_AC | FLAG_ID;

/** Flags that an IRET of this operand size may change at this privilege level. */
function flagMask(size: i32, level: u32): u32 {
  let mask = size == 2 ? MASK16 : MASK32;
  if (level <= iopl()) mask |= FLAG_IF;
  if (level == 0) mask |= FLAG_IOPL;
  if (level == 0 && size != 2) mask |= FLAG_VIF | FLAG_VIP;
  return mask;
}

function restoreFlags(image: u32, mask: u32): void {
  const breakpointsArmed = (load<u32>(DR + 56) & 0xff) != 0;
  writeFlags(breakpointsArmed ? image : image & ~FLAG_RF, mask);
}

/** Real and virtual-8086 mode: three words or dwords from the stack. */
function returnToParagraph(size: i32, image: u32, mask: u32): void {
  const offset = peek(0, size) as u32;
  const selector = (peek(size, size) as u32) & 0xffff;
  if (offset > segmentLimit(CS)) generalProtection();
  release(3 * size);
  commitStackPointer();
  setParagraphSegment(CS, selector);
  setRip(offset as u64);
  restoreFlags(image, mask);
}

function returnWithinVirtual8086(size: i32, image: u32): void {
  if (iopl() == 3) {
    returnToParagraph(size, image, (size == 2 ? MASK16 : MASK32) | FLAG_IF);
    return;
  }
  if (!(cr4() & CR4_VME) || size != 2) generalProtection();
  if (image & FLAG_TF || (image & FLAG_IF && flagsSystem() & FLAG_VIP)) generalProtection();
  const withVif = (image & 0xffff) | (image & FLAG_IF ? FLAG_VIF : 0);
  returnToParagraph(size, withVif, MASK16 | FLAG_VIF);
}

/** From CPL 0 with VM set in the image: nine dwords. */
function returnToVirtual8086(image: u32): void {
  const offset = peek(0, 4);
  const cs = peek(4, 4) as u32;
  const stackPointer = peek(12, 4) as u32;
  const ss = peek(16, 4) as u32;
  const es = peek(20, 4) as u32;
  const ds = peek(24, 4) as u32;
  const fs = peek(28, 4) as u32;
  const gs = peek(32, 4) as u32;
  if (offset > 0xffff) generalProtection();
  restoreFlags(image, MASK32 | FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM);
  setCpl(3);
  setVirtual8086Segment(CS, cs);
  setVirtual8086Segment(SS, ss);
  setVirtual8086Segment(ES, es);
  setVirtual8086Segment(DS, ds);
  setVirtual8086Segment(FS, fs);
  setVirtual8086Segment(GS, gs);
  setGpr32(RSP, stackPointer);
  setRip(offset);
}

function returnProtected(size: i32, image: u32): void {
  const offset = peek(0, size);
  const selector = (peek(size, size) as u32) & 0xffff;
  const code = checkReturnCode(selector);
  const mask = flagMask(size, cpl());
  // 64-bit code has SS and RSP in every frame.
  if (rplOf(selector) > cpl() || isCode64()) {
    returnWithStack(selector, code, offset, 3 * size, size, 0, VECTOR_NP);
  } else {
    checkCodeOffset(code, offset);
    const marked = markAccessed(selector, code);
    release(3 * size);
    commitStackPointer();
    setSegmentFrom(CS, selector, marked);
    setRip(offset);
  }
  restoreFlags(image, mask);
}

export function iret(size: i32): void {
  store<u32>(NMI_BLOCKED, 0);
  if (isProtected() && !isVirtual8086() && flagsSystem() & FLAG_NT) {
    if (isLongMode()) generalProtection();
    returnToPreviousTask();
    return;
  }
  useCurrentStack();
  const image = peek(2 * size, size) as u32;
  if (!isProtected()) returnToParagraph(size, image, flagMask(size, 0) & ~(FLAG_VIF | FLAG_VIP));
  else if (isVirtual8086()) returnWithinVirtual8086(size, image);
  else if (size == 4 && image & FLAG_VM && cpl() == 0 && !isLongMode()) returnToVirtual8086(image);
  else returnProtected(size, image);
}
