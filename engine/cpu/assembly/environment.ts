/**
 * What the system unit calls outside of itself: devices, the code cache, time and the unwinding of faults. Physical addresses and 64-bit
 * values cross as halves, because JavaScript pays for each i64.
 */

/** Throws the wasm exception that unwinds to the run loop. Never returns. */
@external("env", "throwFault")
export declare function throwFault(): void;

@external("env", "mmioRead")
export declare function mmioRead(physLow: u32, physHigh: u32, size: i32): u32;
@external("env", "mmioWrite")
export declare function mmioWrite(physLow: u32, physHigh: u32, size: i32, value: u32): void;

@external("env", "portRead")
export declare function portRead(port: i32, size: i32): u32;
@external("env", "portWrite")
export declare function portWrite(port: i32, size: i32, value: u32): void;

/** Bytes of a physical page that holds decoded code were written. */
@external("env", "codeWritten")
export declare function codeWritten(physPage: u32, offset: u32, size: u32): void;

/** Time-stamp counter before the guest's own offset. */
@external("env", "tsc")
export declare function hostTsc(): f64;

/** The INTA cycle. */
@external("env", "interruptAcknowledge")
export declare function interruptAcknowledge(): i32;

/** An MSR that concerns a device outside of the processor was written (APIC base). */
@external("env", "msrWritten")
export declare function msrWritten(index: u32, low: u32, high: u32): void;
