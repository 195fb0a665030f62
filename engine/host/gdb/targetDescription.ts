/**
 * A set of registers as the XML that GDB asks for (GDB manual, appendix G). Types that GDB does not know by itself are defined in each feature
 * that uses them.
 */
import type { GdbFeature, RegisterSet } from "./registerSets.ts";

const flags = (id: string, bits: string): string => {
  const fields = bits
    .split(" ")
    .map((field) => field.split(":"))
    .map(([name, start, end = start]) => `<field name="${name}" start="${start}" end="${end}"/>`);
  return `<flags id="${id}" size="4">${fields.join("")}</flags>`;
};

const lanes: readonly (readonly [string, string, number])[] = [
  ["v4f", "ieee_single", 4],
  ["v2d", "ieee_double", 2],
  ["v16i8", "int8", 16],
  ["v8i16", "int16", 8],
  ["v4i32", "int32", 4],
  ["v2i64", "int64", 2],
];
const laneNames = ["v4_float", "v2_double", "v16_int8", "v8_int16", "v4_int32", "v2_int64"];

const types: Readonly<Record<string, string>> = {
  i386_eflags: flags(
    "i386_eflags",
    "CF:0 PF:2 AF:4 ZF:6 SF:7 TF:8 IF:9 DF:10 OF:11 IOPL:12:13 NT:14 RF:16 VM:17 AC:18 VIF:19 VIP:20 ID:21",
  ),
  i386_mxcsr: flags(
    "i386_mxcsr",
    "IE:0 DE:1 ZE:2 OE:3 UE:4 PE:5 DAZ:6 IM:7 DM:8 ZM:9 OM:10 UM:11 PM:12 RC:13:14 FZ:15",
  ),
  vec128: [
    ...lanes.map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
    '<union id="vec128">',
    ...lanes.map(([id], i) => `<field name="${laneNames[i]}" type="${id}"/>`),
    '<field name="uint128" type="uint128"/></union>',
  ].join(""),
};

function featureXml({ name, registers }: GdbFeature): string {
  const used = new Set(registers.map(({ type }) => type));
  const defined = Object.keys(types).filter((type) => used.has(type));
  const lines = registers.map((register) => {
    const group = register.group === undefined ? "" : ` group="${register.group}"`;
    return `<reg name="${register.name}" bitsize="${register.bits}" type="${register.type}"${group}/>`;
  });
  return `<feature name="${name}">${defined.map((type) => types[type]).join("")}\n${lines.join("\n")}\n</feature>`;
}

export function targetDescription({ architecture, features }: RegisterSet): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE target SYSTEM "gdb-target.dtd">',
    '<target version="1.0">',
    `<architecture>${architecture}</architecture>`,
    ...features.map(featureXml),
    "</target>",
    "",
  ].join("\n");
}
