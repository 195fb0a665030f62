/**
 * Who a local APIC is, and which messages mean it (Intel SDM volume 3, 11.6.2; in x2APIC mode 11.12.9 and 11.12.10): its identifier, and logical
 * destinations in the flat and the cluster model.
 */
const ALL_MODELS_FLAT = 0xffffffff;
const FLAT = 0x0f;

export class ApicIdentity {
  /** As in the xAPIC's register: bits 31 to 24. */
  apicId = 0;
  logicalDestination = 0;
  destinationFormat = ALL_MODELS_FLAT;

  /** The identifier stays. */
  reset(): void {
    this.logicalDestination = 0;
    this.destinationFormat = ALL_MODELS_FLAT;
  }

  get x2ApicId(): number {
    return this.apicId >>> 24;
  }

  /** In x2APIC mode the logical destination follows from the identifier. */
  enterX2Apic(): void {
    const id = this.x2ApicId;
    this.logicalDestination = ((id >>> 4) << 16) | (1 << (id & 15));
  }

  isDestination(destination: number, logical: boolean): boolean {
    if (destination === 0xff) return true;
    if (!logical) return destination === this.apicId >>> 24;
    const logicalId = this.logicalDestination >>> 24;
    if (this.destinationFormat >>> 28 === FLAT) return (destination & logicalId) !== 0;
    return destination >> 4 === logicalId >> 4 && (destination & logicalId & 0x0f) !== 0;
  }

  /** Destinations of 32 bits: clusters of 16 processors. Messages of the I/O APIC know only the low 8. */
  isX2Destination(destination: number, logical: boolean): boolean {
    if (destination === 0xff || destination >>> 0 === 0xffffffff) return true;
    if (!logical) return destination === this.x2ApicId;
    const own = this.logicalDestination;
    return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
  }
}
