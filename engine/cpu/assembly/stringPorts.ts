/**
 * INS and OUTS with REP (SDM vol. 2): one port access per element, memory checked before the port is touched so that no device loses a
 * byte to a page fault.
 */
import { portRead, portWrite } from "./environment";
import { ES } from "./layout.generated";
import { loadSlow16, loadSlow32, loadSlow8, probeWrite } from "./memoryAccess";
import { checkPortAccess } from "./ports";
import { RDI, RDX, RSI, gpr16 } from "./state";
import { advance, countDown, elementAddress, elementBudget, elementStep, indexRegister, storeElement } from "./strings";

export function ins(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  const port = gpr16(RDX);
  checkPortAccess(port, size);
  let more = 0;
  for (let left = elementBudget(addressSize, rep); left > 0; left--) {
    const target = elementAddress(ES, indexRegister(RDI, addressSize), size, true);
    probeWrite(target, size);
    storeElement(target, size, portRead(port, size) as u64);
    advance(RDI, addressSize, elementStep(size));
    more = countDown(addressSize, rep, 1);
  }
  return more;
}

export function outs(size: i32, addressSize: i32, segment: i32, rep: i32): i32 {
  const port = gpr16(RDX);
  checkPortAccess(port, size);
  let more = 0;
  for (let left = elementBudget(addressSize, rep); left > 0; left--) {
    const source = elementAddress(segment, indexRegister(RSI, addressSize), size, false);
    const value = size == 1 ? loadSlow8(source) : size == 2 ? loadSlow16(source) : loadSlow32(source);
    portWrite(port, size, value);
    advance(RSI, addressSize, elementStep(size));
    more = countDown(addressSize, rep, 1);
  }
  return more;
}
