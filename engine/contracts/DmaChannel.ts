/**
 * One channel of the ISA DMA controller as a device sees it. The device raises `request` when it has or wants data; the
 * controller then calls the device's `DmaPeer` until terminal count or until the request falls.
 */
export interface DmaChannel {
  /** Moves up to `bytes.length` bytes from the device to memory. Returns how many were accepted (0 when masked). */
  writeToMemory(bytes: Uint8Array): DmaResult;
  /** Fills `bytes` from memory for the device. Returns how many were delivered. */
  readFromMemory(bytes: Uint8Array): DmaResult;
}

export interface DmaResult {
  transferred: number;
  /** The channel's count ran out with this transfer (TC). */
  terminalCount: boolean;
}
