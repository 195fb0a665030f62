/**
 * From attribute values to colours: the attribute controller's palette, colour plane enable and colour select registers
 * in front of the DAC (IBM PS/2 Video Subsystem reference, attribute controller).
 */
import type { VgaDac } from "./VgaDac.ts";
import type { VgaRegisters } from "./VgaRegisters.ts";

/** The 16 attribute colours as 0xFFBBGGRR. */
export function attributeColors(registers: VgaRegisters, dac: VgaDac): Uint32Array {
  const { attribute } = registers;
  const colors = dac.colors();
  const planeEnable = attribute[0x12]! & 0xf;
  const colorSelect = attribute[0x14]!;
  const internal54 = (attribute[0x10]! & 0x80) === 0;
  return Uint32Array.from({ length: 16 }, (_, value) => {
    const palette = attribute[value & planeEnable]!;
    const low = internal54 ? palette & 0x3f : (palette & 0x0f) | ((colorSelect & 3) << 4);
    return colors[low | ((colorSelect & 0x0c) << 4)]!;
  });
}
