/**
 * The part of the host's API for looking into a guest and stopping it: registers, memory, instructions, stop points, single steps, and a
 * door for GDB. Every command but `debug.step` is legal while the machine runs as well as while it is paused, and acts between two
 * instructions. Numbers of up to 128 bits are texts such as "0x1000".
 */
import * as v from "valibot";

const id = v.pipe(v.string(), v.maxLength(64));
const nothing = v.strictObject({});
const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const address = v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,16}$/));
const value = v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,32}$/));
/** "linear": as segments give it, by the page tables in force. */
const space = v.picklist(["linear", "physical"]);
/** Two digits a byte, at most 64 KiB. */
const hex = v.pipe(v.string(), v.regex(/^([0-9a-fA-F]{2})*$/), v.maxLength(0x2_0000));

export const stopPointSchema = v.variant("kind", [
  v.strictObject({ kind: v.literal("execute"), address }),
  v.strictObject({
    kind: v.picklist(["read", "write", "access"]),
    address,
    length: v.pipe(natural, v.minValue(1), v.maxValue(4096)),
  }),
]);

export const debugRegisterSchema = v.strictObject({
  name: v.string(),
  bits: natural,
  /** "general", "system", "float", "vector". */
  group: v.string(),
  value: v.string(),
  writable: v.boolean(),
});
export type DebugRegister = v.InferOutput<typeof debugRegisterSchema>;

export const disassembledSchema = v.strictObject({ address: v.string(), hex: v.string(), text: v.string() });
export type Disassembled = v.InferOutput<typeof disassembledSchema>;

export const debugCommands = {
  "debug.registers": {
    params: v.strictObject({ id }),
    result: v.strictObject({
      registers: v.array(debugRegisterSchema),
      /** Where the next instruction is, as a linear address. */
      nextAddress: v.string(),
      codeBits: v.picklist([16, 32, 64]),
    }),
  },
  "debug.setRegister": {
    params: v.strictObject({ id, name: v.pipe(v.string(), v.maxLength(32)), value }),
    result: nothing,
  },
  /** Less than was asked for when something else than RAM or ROM begins, or nothing is mapped. */
  "debug.readMemory": {
    params: v.strictObject({ id, address, length: v.pipe(natural, v.maxValue(0x1_0000)), space }),
    result: v.strictObject({ hex: v.string() }),
  },
  "debug.writeMemory": {
    params: v.strictObject({ id, address, hex, space }),
    result: v.strictObject({ writtenBytes: natural }),
  },
  /** Without an address from the next instruction on, without bits as the processor would execute it. */
  "debug.disassemble": {
    params: v.strictObject({
      id,
      address: v.nullable(address),
      count: v.pipe(natural, v.minValue(1), v.maxValue(512)),
      codeBits: v.nullable(v.picklist([16, 32, 64])),
    }),
    result: v.strictObject({ instructions: v.array(disassembledSchema) }),
  },
  /** One instruction; `debug.stopped` tells when it is done. */
  "debug.step": { params: v.strictObject({ id }), result: nothing },
  "debug.insert": { params: v.strictObject({ id, point: stopPointSchema }), result: nothing },
  "debug.remove": { params: v.strictObject({ id, point: stopPointSchema }), result: nothing },
  /** Lets a GDB on the host's computer attach, for as long as the machine runs; port 0 is any. */
  "debug.listen": {
    params: v.strictObject({
      id,
      port: v.pipe(natural, v.maxValue(65535)),
      /** Null shows GDB the processor as it is. */
      architecture: v.nullable(v.literal("i386")),
    }),
    result: v.strictObject({ port: natural }),
  },
  "debug.unlisten": { params: v.strictObject({ id }), result: nothing },
} as const;

export const debugStopSchema = v.strictObject({
  kind: v.picklist(["step", "breakpoint", "watchpoint"]),
  /** Of the stop point; of a step null. */
  address: v.nullable(v.string()),
});

export const debugEvents = {
  /** A debugger's wish stopped the machine, which is paused now. */
  "debug.stopped": v.strictObject({ id: v.string(), stop: debugStopSchema }),
} as const;
