/**
 * Bytes by block, as a disk controller needs them. Offsets and lengths are multiples of `blockSize`. Every promise
 * rejects with a GuesthouseError ("io-error", "disk-full", "medium-shrunk", "read-only", "out-of-range", "closed").
 * `flush` resolves when everything written before is on stable storage.
 */
export interface BlockDevice {
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  read(offset: number, target: Uint8Array): Promise<void>;
  write(offset: number, source: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  discard(offset: number, length: number): Promise<void>;
  /** Afterwards the range reads as zeros; absent where that is no cheaper than writing them. */
  writeZeroes?(offset: number, length: number): Promise<void>;
  close(): Promise<void>;
}

/** Bytes on the host: a file, or memory in tests. Same errors as BlockDevice, any offset and length. */
export interface ByteStore {
  size(): Promise<number>;
  read(offset: number, target: Uint8Array): Promise<number>;
  write(offset: number, source: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Makes the range read as zeros and gives its space back; absent where the host cannot. The size stays. */
  punchHole?(offset: number, length: number): Promise<void>;
  /** The space that the bytes take on the host, where that can be less than their number. */
  allocatedBytes?(): Promise<number>;
}
