/**
 * Memory of a display adapter that the guest reaches without a handler call (the linear frame buffer). `bytes` is a view
 * of the shared WebAssembly.Memory. Dirty pages are collected since the last `takeDirty`.
 */
export interface VideoMemory {
  readonly bytes: Uint8Array;
  /** Sets bit i of `bitmap` for each 4 KiB page i written since the last call, clears the tracker, tells whether any was. */
  takeDirty(bitmap: Uint8Array): boolean;
  /** Maps the memory at a guest physical address (the PCI BAR), or hides it with undefined. */
  place(address: number | undefined): void;
}
