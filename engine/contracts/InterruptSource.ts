/**
 * The interrupt controllers as the processor sees them. When `pending()` turns true the owner calls
 * `Vcpu.setInterruptPending(true)`; with IF set the processor then calls `acknowledge` at an instruction boundary.
 */
export interface InterruptSource {
  pending(): boolean;
  /** The INTA cycle: the vector to deliver (a spurious one when the request vanished). */
  acknowledge(): number;
}
