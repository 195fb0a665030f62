/**
 * What the host side of the firmware needs of the processor. Its ROM stubs save the registers in a frame on the guest's
 * stack and hand over the frame's address, so that nobody has to reach into a running processor: services read and change
 * the frame in memory. Both calls are made from within a port write.
 */
export interface FirmwareCpu {
  /**
   * The physical address behind a linear one, by the page tables in force; undefined when nothing is mapped there. Called
   * only when the stub found protection enabled (a virtual-8086 monitor has reflected the call).
   */
  translate(linear: number): number | undefined;
  /**
   * Ends the current slice soon: the guest polls for something that a promise of the host will bring, and spinning
   * would only keep that promise from resolving.
   */
  yieldToHost(): void;
}
