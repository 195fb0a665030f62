/**
 * What the system unit calls outside of itself: devices, the code cache, time and the unwinding of faults. Physical addresses and 64-bit
 * values cross as halves, because JavaScript pays for each i64.
 */

/** Throws the wasm exception that unwinds to the run loop. Never returns. */
@external("env", "throwFault")
export declare function throwFault(): void;

/** Whether the instruction at RIP goes by way of SS when it touches a linear address (as halves). */
@external("env", "usesStackSegment")
export declare function usesStackSegment(linearLow: u32, linearHigh: u32): i32;

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

/** A frozen page is about to be written for the first time: its content is put aside, and it is frozen no more. */
@external("env", "preservePage")
export declare function preservePage(physPage: u32): void;

/** An absent page is about to be accessed: its content is fetched, and it is absent no more. */
@external("env", "bringPage")
export declare function bringPage(physPage: u32): void;

/** Time-stamp counter before the guest's own offset. */
@external("env", "tsc")
export declare function hostTsc(): f64;

/** The INTA cycle. */
@external("env", "interruptAcknowledge")
export declare function interruptAcknowledge(): i32;

/**
 * MSRs of the local APIC: its base, the registers of x2APIC mode (800h to 8FFh), the TSC deadline in ticks of `hostTsc`. A write gives 0 when it is
 * refused.
 */
@external("env", "msrRead")
export declare function msrRead(index: u32): u64;
@external("env", "msrWritten")
export declare function msrWritten(index: u32, low: u32, high: u32): i32;

/** CR8 as the local APIC has it, or -1 where there is none. */
@external("env", "taskPriority")
export declare function taskPriority(): i32;
@external("env", "setTaskPriority")
export declare function setTaskPriority(value: i32): void;

/** The time of day outside, in milliseconds since 1970. */
@external("env", "wallClockMs")
export declare function wallClockMs(): f64;

/** 64 random bits. */
@external("env", "entropy")
export declare function entropy(): u64;
