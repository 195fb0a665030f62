/**
 * Key codes of the enhanced keyboard: for each set-1 scan code what the BIOS stores in its buffer (high byte scan code, low
 * byte character), alone, with Shift, with Ctrl and with Alt; 0 is nothing. IBM PS/2 BIOS reference, INT 16h. US layout.
 */
export interface KeyCodes {
  readonly normal: number;
  readonly shift: number;
  readonly control: number;
  readonly alt: number;
}

const table = new Map<number, KeyCodes>();

function set(scan: number, normal: number, shift: number, control: number, alt: number): void {
  table.set(scan, { normal, shift, control, alt });
}

const code = (scan: number, character: string | number) =>
  (scan << 8) | (typeof character === "string" ? character.charCodeAt(0) : character);

function row(first: number, plain: string, shifted: string): void {
  [...plain].forEach((character, index) => {
    const scan = first + index;
    const letter = /[a-z]/.test(character);
    const control = letter ? code(scan, character.charCodeAt(0) & 0x1f) : 0;
    set(scan, code(scan, character), code(scan, shifted[index]!), control, scan << 8);
  });
}

row(0x02, "1234567890-=", "!@#$%^&*()_+");
row(0x10, "qwertyuiop[]", "QWERTYUIOP{}");
row(0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~');
row(0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?");
// The top row with Alt is numbered apart; a few keys have control codes of their own.
for (let index = 0; index < 12; index++) {
  const entry = table.get(0x02 + index)!;
  table.set(0x02 + index, { ...entry, alt: (0x78 + index) << 8 });
}
const withControl = (scan: number, control: number) => table.set(scan, { ...table.get(scan)!, control });
withControl(0x03, 0x0300);
withControl(0x07, 0x071e);
withControl(0x0c, 0x0c1f);
withControl(0x1a, 0x1a1b);
withControl(0x1b, 0x1b1d);
withControl(0x2b, 0x2b1c);
set(0x01, 0x011b, 0x011b, 0x011b, 0x0100);
set(0x0e, 0x0e08, 0x0e08, 0x0e7f, 0x0e00);
set(0x0f, 0x0f09, 0x0f00, 0x9400, 0xa500);
set(0x1c, 0x1c0d, 0x1c0d, 0x1c0a, 0x1c00);
set(0x39, 0x3920, 0x3920, 0x3920, 0x3920);
set(0x37, 0x372a, 0x372a, 0x9600, 0x3700);
set(0x4a, 0x4a2d, 0x4a2d, 0x8e00, 0x4a00);
set(0x4e, 0x4e2b, 0x4e2b, 0x9000, 0x4e00);
set(0x56, 0x565c, 0x567c, 0, 0);
for (let index = 0; index < 10; index++) {
  set(0x3b + index, (0x3b + index) << 8, (0x54 + index) << 8, (0x5e + index) << 8, (0x68 + index) << 8);
}
set(0x57, 0x8500, 0x8700, 0x8900, 0x8b00);
set(0x58, 0x8600, 0x8800, 0x8a00, 0x8c00);

export const keyCodes: ReadonlyMap<number, KeyCodes> = table;

/** The keypad: with digits (Num Lock or Shift, not both), as cursor keys, and with Ctrl. Alt composes a number. */
export const keypadCodes: ReadonlyMap<number, { digit: string; cursor: number; control: number }> = new Map([
  [0x47, { digit: "7", cursor: 0x4700, control: 0x7700 }],
  [0x48, { digit: "8", cursor: 0x4800, control: 0x8d00 }],
  [0x49, { digit: "9", cursor: 0x4900, control: 0x8400 }],
  [0x4b, { digit: "4", cursor: 0x4b00, control: 0x7300 }],
  [0x4c, { digit: "5", cursor: 0x4c00, control: 0x8f00 }],
  [0x4d, { digit: "6", cursor: 0x4d00, control: 0x7400 }],
  [0x4f, { digit: "1", cursor: 0x4f00, control: 0x7500 }],
  [0x50, { digit: "2", cursor: 0x5000, control: 0x9100 }],
  [0x51, { digit: "3", cursor: 0x5100, control: 0x7600 }],
  [0x52, { digit: "0", cursor: 0x5200, control: 0x9200 }],
  [0x53, { digit: ".", cursor: 0x5300, control: 0x9300 }],
]);

/** The keys that send E0 first: cursor block, keypad Enter and slash. */
export const extendedCodes: ReadonlyMap<number, KeyCodes> = new Map(
  (
    [
      [0x1c, 0xe00d, 0xe00d, 0xe00a, 0xa600],
      [0x35, 0xe02f, 0xe02f, 0x9500, 0xa400],
      [0x47, 0x47e0, 0x47e0, 0x77e0, 0x9700],
      [0x48, 0x48e0, 0x48e0, 0x8de0, 0x9800],
      [0x49, 0x49e0, 0x49e0, 0x84e0, 0x9900],
      [0x4b, 0x4be0, 0x4be0, 0x73e0, 0x9b00],
      [0x4d, 0x4de0, 0x4de0, 0x74e0, 0x9d00],
      [0x4f, 0x4fe0, 0x4fe0, 0x75e0, 0x9f00],
      [0x50, 0x50e0, 0x50e0, 0x91e0, 0xa000],
      [0x51, 0x51e0, 0x51e0, 0x76e0, 0xa100],
      [0x52, 0x52e0, 0x52e0, 0x92e0, 0xa200],
      [0x53, 0x53e0, 0x53e0, 0x93e0, 0xa300],
    ] as const
  ).map(([scan, normal, shift, control, alt]) => [scan, { normal, shift, control, alt }]),
);
