/** Exceptions of floating-point numbers, in the places that x87's status and control words and MXCSR have for them (SDM vol. 1, 8.1.3 and 10.2.3). */
export const IE: u32 = 1;
export const DE: u32 = 2;
export const ZE: u32 = 4;
export const OE: u32 = 8;
export const UE: u32 = 16;
export const PE: u32 = 32;
