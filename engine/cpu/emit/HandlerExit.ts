/** How emitted code gives control back to what dispatches instructions. */
export interface HandlerExit {
  /** The record to go on with lies on the stack; 0 leaves the loop with `rip` in the state. Code behind is dead. */
  transfer(): void;
}
