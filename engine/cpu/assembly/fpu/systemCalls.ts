// What the x87 unit calls of the system unit (memory by linear address, with its faults) and of the machine around it.
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "raise")
export declare function raise(vector: i32, errorCode: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow16")
export declare function loadSlow16(address: i64): i32;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow32")
export declare function loadSlow32(address: i64): i32;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "loadSlow64")
export declare function loadSlow64(address: i64): i64;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow16")
export declare function storeSlow16(address: i64, value: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow32")
export declare function storeSlow32(address: i64, value: i32): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "storeSlow64")
export declare function storeSlow64(address: i64, value: i64): void;
// @ts-ignore: TypeScript has no decorators of functions
@external("system", "probeWrite")
export declare function probeWrite(address: i64, size: i32): void;
/** FERR#: an unmasked exception with CR0.NE clear, answered by IRQ 13. */
// @ts-ignore: TypeScript has no decorators of functions
@external("env", "fpuError")
export declare function fpuError(): void;
