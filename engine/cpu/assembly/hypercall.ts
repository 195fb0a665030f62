/**
 * VMCALL and VMMCALL as KVM answers them (Linux, Documentation/virt/kvm/x86/hypercalls.rst): the number in RAX, the result there too, 32 bits of
 * both outside of 64-bit code. KVM serves some calls that CPUID leaf 40000001h does not announce: those that mean something on a machine of one
 * processor, whose APIC has identifier 0, are here.
 */
import { FEATURE_HYPERVISOR } from "./cpuidFeatures";
import { msrWritten } from "./environment";
import { invalidOpcode } from "./faults";
import { FEATURE_ECX, NMI_PENDING } from "./layout.generated";
import { RAX, RBX, RDX, RSI, cpl, gpr32, gpr64, isCode64, setGpr32, setGpr64, updateAttention } from "./state";

const CALL_VAPIC_POLL_IRQ: u64 = 1;
const CALL_KICK_CPU: u64 = 5;
const CALL_SEND_IPI: u64 = 10;
const CALL_SCHED_YIELD: u64 = 11;
const NOT_PERMITTED: i64 = -1;
const INVALID: i64 = -22;
const NO_SUCH_CALL: i64 = -1000;

const SELF_IPI: u32 = 0x83f;
/** Destination and shorthand, which the list of processors replaces. */
const ICR_DESTINATION: u64 = 0xc0800;
const DELIVER_FIXED: u64 = 0;
const DELIVER_NMI: u64 = 4;

function argument(register: i32): u64 {
  return isCode64() ? gpr64(register) : (gpr32(register) as u64);
}

/** RBX, RCX: processors from APIC identifier RDX on, a bit each; RSI: interrupt command. How many got it. */
function sendIpi(): i64 {
  const command = argument(RSI);
  if (command & ICR_DESTINATION) return INVALID;
  if (argument(RDX) != 0 || !(argument(RBX) & 1)) return 0;
  const mode = (command >> 8) & 7;
  if (mode == DELIVER_FIXED) {
    msrWritten(SELF_IPI, (command as u32) & 0xff, 0);
  } else if (mode == DELIVER_NMI) {
    store<u32>(NMI_PENDING, 1);
    updateAttention();
  }
  return 1;
}

function serve(call: u64): i64 {
  if (cpl() != 0) return NOT_PERMITTED;
  if (call == CALL_SEND_IPI) return sendIpi();
  return call == CALL_VAPIC_POLL_IRQ || call == CALL_KICK_CPU || call == CALL_SCHED_YIELD ? 0 : NO_SUCH_CALL;
}

export function hypercall(): void {
  if (!(load<u32>(FEATURE_ECX) & FEATURE_HYPERVISOR)) invalidOpcode();
  const result = serve(argument(RAX));
  if (isCode64()) setGpr64(RAX, result as u64);
  else setGpr32(RAX, result as u32);
}
