/** Random instructions that user code may execute, with registers such that their memory operands lie in the test's memory. */
import { Decoder } from "../../../engine/cpu/decode/Decoder.ts";
import { type Encoding, parseEncoding, prefixColumns } from "../../../engine/cpu/decode/Encoding.ts";
import type { Instruction } from "../../../engine/cpu/decode/Instruction.ts";
import type { InstructionRow } from "../../../engine/cpu/isa/InstructionRow.ts";
import { rows } from "../../../engine/cpu/isa/rows.ts";
import { generator, type HardwareCase, memoryAddress, stateBefore, styles } from "./HardwareCase.ts";

const decoder = new Decoder(rows);

/** Needs privilege, transfers control, depends on the machine, or is an approximation. */
const left = new Set(
  `LEAVE POP_SEGMENT POP_SS PUSHF POPF ENTER PUSH_SEGMENT MOV_FROM_SEGMENT LES LDS LSS LFS LGS BOUND UD SLDT STR VERR VERW LAR LSL ARPL
  SMSW SGDT SIDT RDTSC RDTSCP RDPMC CPUID MONITOR MWAIT LDMXCSR STMXCSR RCPPS RCPSS RSQRTPS RSQRTSS SYSENTER SYSCALL`.split(
    /\s+/,
  ),
);

export function isRecordable(row: InstructionRow): boolean {
  return row.unit !== "x87" && !row.endsBlock && row.privilege === undefined && !left.has(row.operation);
}

/** A base register with a displacement of eight bits: ModRM.rm values that need no SIB byte. */
const plainBases = [0, 1, 2, 3, 5, 6, 7];

/** Three bytes of VEX, any registers; one in vvvv whether the row has one or not. */
function vexBytes(encoding: Encoding, random: () => number): number[] {
  const part = encoding.maps[random() % encoding.maps.length]!;
  const [map, length, w] = [part >> 2, (part >> 1) & 1, part & 1];
  const registers = 0x40 | (random() & 0xa0);
  const vvvv = random() % 2 ? 15 : random() & 15;
  return [0xc4, registers | map, (w << 7) | (vvvv << 3) | (length << 2) | prefixColumn(encoding)];
}

const prefixColumn = ({ prefix }: Encoding): number => (prefix === "any" ? 0 : prefixColumns[prefix]);

function opcodeBytes(encoding: Encoding, codeSize: 32 | 64, random: () => number): number[] | undefined {
  if (encoding.vexBits) return [...vexBytes(encoding, random), encoding.firstOpcode];
  const bytes: number[] = [];
  if (encoding.prefix === "66" || (encoding.prefix === "any" && random() % 3 === 0)) bytes.push(0x66);
  if (encoding.prefix === "F2") bytes.push(0xf2);
  if (encoding.prefix === "F3") bytes.push(0xf3);
  if (encoding.rex && codeSize === 32) return undefined;
  let rex = codeSize === 64 && random() % 2 ? 0x40 | (random() & 13) : 0;
  if (encoding.rex === "W") rex = 0x48 | (rex & 5);
  if (encoding.rex === "B") rex = 0x41;
  if (rex) bytes.push(rex);
  if (encoding.maps[0]! > 0) bytes.push(0x0f);
  if (encoding.maps[0]! > 1) bytes.push(encoding.maps[0] === 2 ? 0x38 : 0x3a);
  bytes.push(encoding.firstOpcode + (encoding.opcodeCount === 8 ? random() % 8 : 0));
  return bytes;
}

function instructionOf(row: InstructionRow, codeSize: 32 | 64, random: () => number) {
  const encoding = parseEncoding(row.encoding);
  const bytes = opcodeBytes(encoding, codeSize, random);
  if (!bytes) return undefined;
  if (encoding.hasModrm) {
    const possible = encoding.modrms ?? Array.from({ length: 256 }, (_, i) => i);
    let modrm = possible[random() % possible.length]!;
    if (modrm < 0xc0) modrm = (modrm & 0x38) | 0x40 | plainBases[random() % plainBases.length]!;
    if (!possible.includes(modrm)) return undefined;
    bytes.push(modrm);
    if (modrm < 0xc0) bytes.push((random() % 64) - 32);
  }
  while (bytes.length < 15) bytes.push(random() & 0xff);
  const decoded = decoder.decode(Uint8Array.from(bytes), 0, 15, { codeSize });
  if ("failure" in decoded || decoded.row !== row) return undefined;
  return { code: Uint8Array.from(bytes.slice(0, decoded.length)), decoded };
}

/** Registers that put memory operands where they belong; undefined when the instruction cannot be used. */
function overridesFor(decoded: Instruction, codeSize: 32 | 64, gpr: bigint[], random: () => number) {
  const overrides = new Map<number, bigint>();
  const { operation } = decoded.row;
  for (const operand of decoded.operands) {
    if (operand.kind !== "memory") continue;
    if (operand.base < 0 || operand.index >= 0) return undefined;
    if (operand.base === 4) continue; // the stack is in place
    const aligned = random() % 6 !== 0;
    const offset = operation === "XLAT" ? 0 : 80 + (random() % 4) * 16 + (aligned ? 0 : random() % 16);
    overrides.set(operand.base, BigInt(memoryAddress + offset) - operand.displacement);
  }
  const [first, second] = decoded.operands;
  if (/^BT[SRC]?$/.test(operation) && first?.kind === "memory" && second?.kind === "register") {
    if (overrides.has(second.number)) return undefined;
    const position = BigInt((random() % 400) - 200);
    const kept = second.width === 16 ? gpr[second.number]! & ~0xffffn : 0n;
    overrides.set(second.number, kept | BigInt.asUintN(second.width === 16 ? 16 : codeSize, position));
  }
  return [...overrides];
}

function styleFor(row: InstructionRow, random: () => number): number {
  if (!row.unit) return styles.bits;
  if (/^PS[LR]/.test(row.operation) && random() % 2) return styles.smallCounts;
  return random() % 3;
}

export function makeCases(
  pick: (row: InstructionRow) => boolean,
  codeSize: 32 | 64,
  perRow: number,
  seed: number,
): HardwareCase[] {
  const random = generator(seed);
  const cases: HardwareCase[] = [];
  for (const row of rows) {
    if (!isRecordable(row) || !pick(row) || row.mode === (codeSize === 64 ? "legacy" : "long")) continue;
    for (let tries = 0, made = 0; tries < perRow * 8 && made < perRow; tries++) {
      const instruction = instructionOf(row, codeSize, random);
      if (!instruction) continue;
      const rounds = /SI$|DQ$|PI$/.test(row.operation) ? (random() & 3) << 13 : 0;
      const test: HardwareCase = {
        code: instruction.code,
        seed: random(),
        style: styleFor(row, random),
        mxcsr: 0x1f80 | rounds,
        overrides: [],
        signal: 0,
        after: undefined,
      };
      const { gpr } = stateBefore(test, codeSize);
      const overrides = overridesFor(instruction.decoded, codeSize, gpr, random);
      if (!overrides) continue;
      cases.push({ ...test, overrides });
      made++;
    }
  }
  return cases;
}
