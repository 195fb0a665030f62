/** Encrypts and decrypts whole sectors in place. */
export interface DiskCipher {
  /** `firstSector` numbers the first sector for the initialization vectors. */
  encrypt(bytes: Uint8Array, firstSector: number): void;
  decrypt(bytes: Uint8Array, firstSector: number): void;
}
