/**
 * One function on the PCI bus: 256 bytes of configuration space, accessed by offset in the width the guest used
 * (offset is aligned to the width). INTx is wired by the board from `interruptPin`.
 */
export interface PciFunction {
  readonly id: string;
  readConfig(offset: number, width: 1 | 2 | 4): number;
  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void;
}
