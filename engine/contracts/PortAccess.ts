/** Port I/O as a program performs it, for the firmware's dealings with the devices of the board. */
export interface PortAccess {
  in8(port: number): number;
  in16(port: number): number;
  in32(port: number): number;
  out8(port: number, value: number): void;
  out16(port: number, value: number): void;
  out32(port: number, value: number): void;
}
