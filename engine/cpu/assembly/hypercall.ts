/**
 * VMCALL and VMMCALL as KVM answers them (Linux, Documentation/virt/kvm/x86/hypercalls.rst): the number in RAX, the result there too, 32 bits of
 * both outside of 64-bit code. None of the calls that CPUID leaf 40000001h would announce is offered, so that all but the old, always
 * successful poll of the virtual APIC are unknown.
 */
import { invalidOpcode } from "./faults";
import { FEATURE_ECX } from "./layout.generated";
import { RAX, cpl, gpr32, gpr64, isCode64, setGpr32, setGpr64 } from "./state";

const FEATURE_HYPERVISOR: u32 = 1 << 31;
const CALL_VAPIC_POLL_IRQ: u64 = 1;
const NOT_PERMITTED: i64 = -1;
const NO_SUCH_CALL: i64 = -1000;

export function hypercall(): void {
  if (!(load<u32>(FEATURE_ECX) & FEATURE_HYPERVISOR)) invalidOpcode();
  const call = isCode64() ? gpr64(RAX) : (gpr32(RAX) as u64);
  let result: i64 = call == CALL_VAPIC_POLL_IRQ ? 0 : NO_SUCH_CALL;
  if (cpl() != 0) result = NOT_PERMITTED;
  if (isCode64()) setGpr64(RAX, result as u64);
  else setGpr32(RAX, result as u32);
}
