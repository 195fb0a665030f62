import {
  BAUD_TABLE_OFFSET,
  BOOT_OFFSET,
  CONFIGURATION_TABLE_OFFSET,
  DATE_OFFSET,
  FIXED_ENTRIES,
  FLOPPY_TABLE_OFFSET,
  FONT_8X8_BYTES,
  FONT_8X8_OFFSET,
  IRET_OFFSET,
  MODEL_OFFSET,
  NMI_OFFSET,
  NO_BOOT_OFFSET,
  OTHER_ENTRIES,
  OTHER_ENTRIES_OFFSET,
  POWER_ON_OFFSET,
  RESET_OFFSET,
  SYSTEM_SEGMENT,
} from "./romLayout.ts";
import { SERVICE_POST, STUB_ORIGIN, stubImage } from "./stubCode.ts";

/**
 * The 64 KiB image at F000:0000: entry points at their traditional places, the common stub, and the small tables that
 * programs read by address. System tables (SMBIOS and the like) are added by the Bios.
 */
const PUSH_IMMEDIATE = 0x6a;
const JUMP_NEAR = 0xe9;
const JUMP_FAR = 0xea;
const IRET = 0xcf;

/**
 * Where the processor starts, after power-on and after INIT. A program that has itself reset to get out of protected mode leaves in the CMOS what
 * shall happen (register 0Fh): 5 ends interrupts and goes to where 40:67 points, 0Ah goes there at once, all else starts the BIOS.
 */
const RESUME_OR_START = [
  0xfa, // cli
  ...[0xb0, 0x8f, 0xe6, 0x70, 0xe4, 0x71, 0x88, 0xc4], // mov al, 8Fh; out 70h, al; in al, 71h; mov ah, al
  ...[0xb0, 0x8f, 0xe6, 0x70, 0x30, 0xc0, 0xe6, 0x71], // mov al, 8Fh; out 70h, al; xor al, al; out 71h, al
  ...[0xb0, 0x0d, 0xe6, 0x70], // mov al, 0Dh; out 70h, al
  ...[0x80, 0xfc, 0x0a, 0x74, 0x0b], // cmp ah, 0Ah; je resume
  ...[0x80, 0xfc, 0x05, 0x75, 0x0e], // cmp ah, 5; jne start
  ...[0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20], // mov al, 20h; out A0h, al; out 20h, al
  ...[0x31, 0xc0, 0x8e, 0xd8], // resume: xor ax, ax; mov ds, ax
  ...[0xff, 0x2e, 0x67, 0x04], // jmp far [467h]
];

/** 1.44 MB: SRT 0Dh, HUT 0Fh, DMA; motor off after 2 s; 18 sectors. */
const FLOPPY_PARAMETERS = [0xdf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08];
/** Divisors of the 1.8432 MHz clock for 110 to 9600 baud. */
const BAUD_DIVISORS = [0x0417, 0x0300, 0x0180, 0x00c0, 0x0060, 0x0030, 0x0018, 0x000c];
/** Model FC (AT), second 8259, RTC, INT 15h/4Fh, extended BIOS area; INT 16h/09h. */
const CONFIGURATION = [0x08, 0x00, 0xfc, 0x00, 0x01, 0x74, 0x40, 0x00, 0x00, 0x00];

class SystemRom {
  readonly bytes = new Uint8Array(0x10000);
  readonly #labels: ReadonlyMap<string, number>;

  constructor() {
    this.bytes.fill(0xff, 0xe000);
    const stub = stubImage();
    this.bytes.set(stub.bytes, STUB_ORIGIN);
    this.#labels = stub.labels;
  }

  label(name: string): number {
    const offset = this.#labels.get(name);
    if (offset === undefined) throw new Error(`the BIOS stub has no label ${name}`);
    return offset;
  }

  #jumpToCommon(at: number): readonly number[] {
    const distance = this.label("common") - (at + 3);
    return [JUMP_NEAR, distance & 0xff, (distance >> 8) & 0xff];
  }

  /** Five bytes: push the number of the service, go to `common`. */
  entry(offset: number, service: number): void {
    this.bytes.set([PUSH_IMMEDIATE, service, ...this.#jumpToCommon(offset + 2)], offset);
  }

  /** An entry that starts from nothing: stack below the boot sector, and a frame that returns to `hang`. */
  freshEntry(offset: number, service: number): void {
    const hang = this.label("hang");
    const code = [
      0xfa, // cli
      0xfc, // cld
      ...[0x31, 0xc0, 0x8e, 0xd0], // xor ax, ax; mov ss, ax
      ...[0xbc, 0x00, 0x7c], // mov sp, 0x7C00
      0x9c, // pushf
      0x0e, // push cs
      ...[0x68, hang & 0xff, hang >> 8], // push hang
    ];
    this.bytes.set(code, offset);
    this.entry(offset + code.length, service);
  }

  words(offset: number, values: readonly number[]): void {
    values.forEach((value, index) => {
      this.bytes.set([value & 0xff, value >> 8], offset + index * 2);
    });
  }
}

export interface SystemRomImage {
  readonly bytes: Uint8Array;
  /** The offset in F000 of each service's entry. */
  readonly entries: ReadonlyMap<number, number>;
  readonly enterReal: number;
  readonly enterProtected: number;
}

export function buildSystemRom(): SystemRomImage {
  const rom = new SystemRom();
  const entries = new Map(FIXED_ENTRIES);
  OTHER_ENTRIES.forEach((service, index) => {
    entries.set(service, OTHER_ENTRIES_OFFSET + index * 5);
  });
  for (const [service, offset] of entries) rom.entry(offset, service);
  rom.bytes.set(RESUME_OR_START, RESET_OFFSET);
  rom.freshEntry(RESET_OFFSET + RESUME_OR_START.length, SERVICE_POST);
  // The place of INT 19h is three bytes long: the code stands elsewhere.
  const boot = 0xe3c0;
  const noBoot = 0xe3e0;
  rom.freshEntry(boot, 0x19);
  rom.freshEntry(noBoot, 0x18);
  rom.bytes.set([JUMP_NEAR, (boot - BOOT_OFFSET - 3) & 0xff, ((boot - BOOT_OFFSET - 3) >> 8) & 0xff], BOOT_OFFSET);
  rom.bytes.set(
    [JUMP_NEAR, (noBoot - NO_BOOT_OFFSET - 3) & 0xff, ((noBoot - NO_BOOT_OFFSET - 3) >> 8) & 0xff],
    NO_BOOT_OFFSET,
  );
  entries.set(0x19, BOOT_OFFSET);
  entries.set(0x18, NO_BOOT_OFFSET);
  rom.bytes[NMI_OFFSET] = IRET;
  rom.bytes[IRET_OFFSET] = IRET;
  rom.bytes.set(CONFIGURATION, CONFIGURATION_TABLE_OFFSET);
  rom.words(BAUD_TABLE_OFFSET, BAUD_DIVISORS);
  rom.bytes.set(FLOPPY_PARAMETERS, FLOPPY_TABLE_OFFSET);
  rom.bytes.set(FONT_8X8_BYTES.subarray(0, 128 * 8), FONT_8X8_OFFSET);
  const far = [RESET_OFFSET & 0xff, RESET_OFFSET >> 8, SYSTEM_SEGMENT & 0xff, SYSTEM_SEGMENT >> 8];
  rom.bytes.set([JUMP_FAR, ...far], POWER_ON_OFFSET);
  rom.bytes.set(
    [..."01/01/26"].map((character) => character.charCodeAt(0)),
    DATE_OFFSET,
  );
  rom.bytes[MODEL_OFFSET] = 0xfc;
  return {
    bytes: rom.bytes,
    entries,
    enterReal: rom.label("enter_real"),
    enterProtected: rom.label("enter_protected"),
  };
}
