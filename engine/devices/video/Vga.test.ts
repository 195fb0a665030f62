import { beforeEach, describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { FakeVideoMemory } from "../../../tests/fixtures/FakeVideoMemory.ts";
import { loadFont, setEgaPalette, setVgaMode, type VgaModeTable, vgaModes } from "../../../tests/fixtures/vgaModes.ts";
import type { DisplayUpdate } from "../../contracts/DisplaySink.ts";
import { Vga } from "./Vga.ts";
import { VgaPci } from "./VgaPci.ts";

const BLACK = 0xff000000;
const BLUE = 0xffaa0000;
const GREY = 0xffaaaaaa;
const WHITE = 0xffffffff;
const TEXT = 0x18000;

/** Glyph c is a box with its code in row 2; C4h reaches the right edge, B3h does too but does not repeat. */
function testFont(): Uint8Array {
  const font = new Uint8Array(256 * 16);
  for (let code = 0; code < 256; code++) {
    font[code * 16] = 0xff;
    font[code * 16 + 2] = code;
  }
  font.fill(0, 0x20 * 16, 0x21 * 16);
  return font;
}

class Bench {
  readonly memory = new FakeVideoMemory(16 << 20);
  readonly clock = new ManualClock();
  readonly vga = new Vga({ clock: this.clock, memory: this.memory });

  constructor() {
    setEgaPalette(this.vga.ports);
  }

  text(mode: VgaModeTable = vgaModes.text80): this {
    setVgaMode(this.vga.ports, mode);
    loadFont(this.vga.ports, this.vga.legacyWindow, testFont());
    this.crtc(0x0a, 0x20);
    for (let cell = 0; cell < 2000; cell++) this.put(cell, " ", 0x07);
    return this;
  }

  put(cell: number, text: string | number, attribute: number): void {
    const codes = typeof text === "number" ? [text] : [...text].map((character) => character.charCodeAt(0));
    codes.forEach((code, index) => {
      this.vga.legacyWindow.write(TEXT + (cell + index) * 2, code | (attribute << 8), 2);
    });
  }

  crtc(index: number, value: number): void {
    this.vga.ports.write(0x14, index, 1);
    this.vga.ports.write(0x15, value, 1);
  }
  attribute(index: number, value: number): void {
    this.vga.ports.read(0x1a, 1);
    this.vga.ports.write(0, index | 0x20, 1);
    this.vga.ports.write(0, value, 1);
  }
  dispi(index: number, value: number): void {
    this.vga.dispiPorts.write(0, index, 2);
    this.vga.dispiPorts.write(1, value, 2);
  }
  dispiMode(width: number, height: number, depth: number): this {
    this.dispi(4, 0);
    this.dispi(1, width);
    this.dispi(2, height);
    this.dispi(3, depth);
    this.dispi(4, 0x41);
    return this;
  }
  full(): DisplayUpdate {
    return this.vga.render(true)!;
  }
}

/** A row of `count` dots as one character each. */
function dots(update: DisplayUpdate, x: number, y: number, count: number): string {
  const names = new Map([
    [BLACK, "."],
    [GREY, "g"],
    [WHITE, "W"],
    [BLUE, "b"],
  ]);
  return Array.from(
    update.pixels.subarray(y * update.width + x, y * update.width + x + count),
    (pixel) => names.get(pixel) ?? "?",
  ).join("");
}

const pixel = (update: DisplayUpdate, x: number, y: number) => update.pixels[y * update.width + x]!;

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe("a text mode", () => {
  test("draws glyphs nine dots wide in their colours", () => {
    bench.text().put(81, 0xa5, 0x1f);
    const update = bench.full();
    expect([update.width, update.height, update.mode]).toEqual([720, 400, "text"]);
    expect(dots(update, 8, 16, 11)).toBe(".WWWWWWWWb.");
    expect(dots(update, 9, 18, 9)).toBe("WbWbbWbWb");
    expect(dots(update, 9, 17, 9)).toBe("bbbbbbbbb");
  });

  test("repeats the eighth dot of C0h-DFh only", () => {
    bench.text().put(0, 0xc5, 0x07);
    bench.put(1, 0xb5, 0x07);
    expect(dots(bench.full(), 0, 2, 18)).toBe("gg...g.ggg.gg.g.g.");
    bench.attribute(0x10, 0x08);
    expect(dots(bench.full(), 0, 2, 9)).toBe("gg...g.g.");
  });

  test("changes only the cells that changed", () => {
    bench.text();
    bench.full();
    expect(bench.vga.render(false)).toBeUndefined();
    bench.put(80 * 3 + 5, "AB", 0x07);
    expect(bench.vga.render(false)!.damage).toEqual([{ x: 45, y: 48, width: 18, height: 16 }]);
    bench.put(80 * 3 + 5, "AB", 0x07);
    expect(bench.vga.render(false)).toBeUndefined();
  });

  test("blinks the cursor and blinking characters with the clock", () => {
    bench.text().put(0, "A", 0x87);
    bench.crtc(0x0a, 14);
    bench.crtc(0x0b, 15);
    bench.crtc(0x0f, 1);
    const on = bench.full();
    expect([dots(on, 9, 14, 9), dots(on, 9, 13, 9), dots(on, 0, 0, 9)]).toEqual([
      "ggggggggg",
      ".........",
      "gggggggg.",
    ]);
    bench.clock.advance(120e6);
    expect(bench.vga.render(false)!.damage).toEqual([{ x: 9, y: 0, width: 9, height: 16 }]);
    bench.clock.advance(120e6);
    const off = bench.vga.render(false)!;
    expect(dots(off, 0, 0, 9)).toBe(".........");
  });

  test("shows bright backgrounds when blinking is off", () => {
    bench.text().put(0, " ", 0xf0);
    bench.attribute(0x10, 0x04);
    expect(dots(bench.full(), 0, 3, 9)).toBe("WWWWWWWWW");
  });

  test("takes a second font for bright characters", () => {
    bench.text();
    loadFont(bench.vga.ports, bench.vga.legacyWindow, new Uint8Array(4096).fill(0x0f), 0x4000);
    bench.put(0, "AA", 0x07);
    bench.put(1, "A", 0x0f);
    bench.vga.ports.write(4, 3, 1);
    bench.vga.ports.write(5, 0x04, 1);
    const update = bench.full();
    expect(dots(update, 0, 3, 18)).toBe(".............WWWW.");
  });

  test("underlines blue-on-black attributes at the underline location", () => {
    bench.text().put(0, " ", 0x01);
    bench.crtc(0x14, 0x0d);
    const update = bench.full();
    expect([dots(update, 0, 13, 9), dots(update, 0, 12, 9)]).toEqual(["bbbbbbbbb", "........."]);
  });

  test("scrolls smoothly and by start address, and splits at the line compare", () => {
    bench.text();
    bench.put(0, "A", 0x07);
    bench.put(160, "B", 0x07);
    bench.crtc(0x0d, 160);
    bench.crtc(0x08, 2);
    bench.crtc(0x07, 0x0f);
    bench.crtc(0x09, 0x0f);
    bench.crtc(0x18, 99);
    const update = bench.full();
    expect(dots(update, 0, 0, 9)).toBe(".g....g..");
    expect(dots(update, 0, 100, 9)).toBe("gggggggg.");
    expect(dots(update, 0, 102, 9)).toBe(".g.....g.");
  });

  test("pans by dots", () => {
    bench.text().put(0, "AB", 0x07);
    bench.attribute(0x13, 2);
    expect(dots(bench.full(), 0, 0, 12)).toBe("ggggg.gggggg");
  });

  test("doubles the dots of 40 columns", () => {
    bench.text(vgaModes.text40).put(0, 0x80, 0x07);
    const update = bench.full();
    expect(update.width).toBe(720);
    expect(dots(update, 0, 2, 18)).toBe("gg................");
  });

  test("gives its characters as text", () => {
    bench.text().put(2, "Guesthouse", 0x07);
    bench.put(80, 0xcd, 0x07);
    const lines = bench.vga.textScreen()!;
    expect(lines.length).toBe(25);
    expect(lines.slice(0, 3)).toEqual(["  Guesthouse", "═", ""]);
  });

  test("is dark while the screen is off or the palette is not shown", () => {
    bench.text().put(0, 0xdb, 0x0f);
    bench.full();
    bench.vga.ports.write(4, 1, 1);
    bench.vga.ports.write(5, 0x20, 1);
    const dark = bench.vga.render(false)!;
    expect([dark.width, dark.height]).toEqual([720, 400]);
    expect(dark.pixels.every((value) => value === BLACK)).toBe(true);
    expect(bench.vga.render(false)).toBeUndefined();
    bench.vga.ports.write(5, 0x00, 1);
    expect(dots(bench.vga.render(false)!, 0, 0, 9)).toBe("WWWWWWWWW");
  });
});

describe("graphics modes", () => {
  test("mode 13h shows each byte as four dots", () => {
    setVgaMode(bench.vga.ports, vgaModes.mode13);
    bench.vga.legacyWindow.write(320 * 2 + 4, 0x3f01073f, 4);
    const update = bench.full();
    expect([update.width, update.height, update.mode]).toEqual([640, 400, "graphics"]);
    for (const y of [4, 5]) expect(dots(update, 8, y, 10)).toBe("WWggbbWW..");
    expect(dots(update, 8, 6, 4)).toBe("....");
    expect(bench.vga.textScreen()).toBeUndefined();
  });

  test("unchained 256 colours pan by dots and flip pages", () => {
    setVgaMode(bench.vga.ports, { ...vgaModes.mode13, sequencer: "03 01 0f 00 06" });
    bench.crtc(0x14, 0x00);
    bench.crtc(0x17, 0xe3);
    bench.vga.ports.write(4, 2, 1);
    bench.vga.ports.write(5, 0x02, 1);
    bench.vga.legacyWindow.write(0x4000, 0x3f, 1);
    bench.crtc(0x0c, 0x40);
    expect(dots(bench.full(), 0, 0, 6)).toBe("..WW..");
    bench.attribute(0x13, 2);
    expect(dots(bench.full(), 0, 0, 6)).toBe("WW....");
  });

  test("mode 12h joins four planes, and colours go through the palette", () => {
    setVgaMode(bench.vga.ports, vgaModes.planar640);
    bench.vga.legacyWindow.write(80 * 479 + 79, 0x81, 1);
    expect(dots(bench.full(), 632, 479, 8)).toBe("W......W");
    bench.vga.ports.read(0x1a, 1);
    bench.vga.ports.write(0, 15, 1);
    bench.vga.ports.write(0, 1, 1);
    bench.vga.ports.write(0, 0x20, 1);
    expect(dots(bench.vga.render(false)!, 632, 479, 8)).toBe("b......b");
  });

  test("mode 4 interleaves rows and packs two bits a dot", () => {
    setVgaMode(bench.vga.ports, vgaModes.cga320);
    bench.attribute(0x10, 0x01);
    bench.vga.ports.read(0x1a, 1);
    for (const [index, value] of [
      [1, 1],
      [2, 7],
      [3, 0x3f],
    ] as const) {
      bench.vga.ports.write(0, index, 1);
      bench.vga.ports.write(0, value, 1);
    }
    bench.vga.ports.write(0, 0x20, 1);
    bench.vga.legacyWindow.write(TEXT + 0x2000 + 80, 0x1b, 1);
    bench.vga.legacyWindow.write(TEXT + 0x2000 + 81, 0xc0, 1);
    const update = bench.full();
    for (const y of [6, 7]) expect(dots(update, 0, y, 12)).toBe("..bbggWWWW..");
    expect(dots(update, 0, 4, 8)).toBe("........");
  });

  test("mode 6 shows one plane", () => {
    setVgaMode(bench.vga.ports, vgaModes.cga640);
    bench.vga.legacyWindow.write(TEXT + 80 + 1, 0xa0, 1);
    const update = bench.full();
    expect(dots(update, 8, 4, 4).replaceAll("?", "x")).toBe("x.x.");
  });

  test("damage is the lines and columns that changed", () => {
    setVgaMode(bench.vga.ports, vgaModes.mode13);
    bench.full();
    bench.vga.legacyWindow.write(320 * 10 + 100, 0x3f, 1);
    bench.vga.legacyWindow.write(320 * 11 + 101, 0x3f, 1);
    expect(bench.vga.render(false)!.damage).toEqual([{ x: 200, y: 20, width: 4, height: 4 }]);
    expect(bench.vga.render(false)).toBeUndefined();
  });
});

describe("linear modes", () => {
  test.each([
    [8, [0x3f], WHITE],
    [15, [0x1f, 0x00], 0xffff0000],
    [16, [0xe0, 0x07], 0xff00ff00],
    [24, [0x11, 0x22, 0x33], 0xff112233],
    [32, [0x11, 0x22, 0x33, 0x00], 0xff112233],
  ])("%i bits", (depth, bytes, color) => {
    bench.dispiMode(640, 480, depth);
    bench.memory.poke((640 * 7 + 5) * bytes.length, ...bytes);
    const update = bench.full();
    expect([update.width, update.height]).toEqual([640, 480]);
    expect([pixel(update, 5, 7), pixel(update, 4, 7), pixel(update, 6, 7)]).toEqual([color, BLACK, BLACK]);
  });

  test("4 bits show planes", () => {
    bench.dispiMode(800, 600, 4);
    setVgaMode(bench.vga.ports, vgaModes.planar640);
    bench.vga.legacyWindow.write(100 * 599 + 99, 0x01, 1);
    const update = bench.full();
    expect([update.width, update.height, dots(update, 792, 599, 8)]).toEqual([800, 600, ".......W"]);
  });

  test("follow panning and damage only what the guest wrote", () => {
    bench.dispiMode(640, 480, 32);
    bench.dispi(6, 1024);
    bench.full();
    bench.memory.poke((1024 * 100 + 50) * 4, 1, 2, 3, 0);
    expect(bench.vga.render(false)!.damage).toEqual([{ x: 50, y: 100, width: 1, height: 1 }]);
    bench.dispi(8, 40);
    bench.dispi(9, 90);
    expect(pixel(bench.vga.render(false)!, 10, 10)).toBe(0xff010203);
    expect(bench.vga.render(false)).toBeUndefined();
  });

  test("a mode begins black, and the bank window writes to it", () => {
    bench.memory.bytes.fill(0x55);
    bench.dispiMode(1024, 768, 16);
    bench.dispi(5, 1);
    bench.vga.legacyWindow.write(0, 0xffff, 2);
    const update = bench.full();
    expect([pixel(update, 0, 0), pixel(update, 0, 32)]).toEqual([BLACK, WHITE]);
  });

  test("8-bit DAC entries are taken whole", () => {
    bench.dispiMode(640, 480, 8);
    bench.dispi(4, 0xe1);
    for (const value of [0, 0x81, 0x42, 0x23]) bench.vga.ports.write(value === 0 ? 8 : 9, value, 1);
    expect(pixel(bench.full(), 0, 0)).toBe(0xff234281);
  });
});

describe("ports", () => {
  test("the attribute flip-flop alternates and is reset by reading the status", () => {
    const { ports } = bench.vga;
    ports.write(2, 0x01, 1);
    ports.read(0x1a, 1);
    ports.write(0, 0x11, 1);
    ports.write(0, 0x2a, 1);
    ports.write(0, 0x12, 1);
    ports.read(0x1a, 1);
    ports.write(0, 0x11, 1);
    expect(ports.read(1, 1)).toBe(0x2a);
  });

  test("the DAC counts through its components in both directions", () => {
    const { ports } = bench.vga;
    ports.write(8, 7, 1);
    for (const value of [1, 2, 0x7f, 4]) ports.write(9, value, 1);
    ports.write(7, 7, 1);
    expect([ports.read(9, 1), ports.read(9, 1), ports.read(9, 1), ports.read(9, 1)]).toEqual([1, 2, 0x3f, 4]);
    expect([ports.read(7, 1), ports.read(8, 1)]).toEqual([3, 8]);
  });

  test("CR11 protects the timing but not the line compare", () => {
    setVgaMode(bench.vga.ports, vgaModes.text80);
    bench.crtc(0x11, 0x8e);
    bench.crtc(0x01, 0x10);
    bench.crtc(0x07, 0x00);
    bench.vga.ports.write(0x14, 0x01, 1);
    expect(bench.vga.ports.read(0x15, 1)).toBe(0x4f);
    bench.vga.ports.write(0x14, 0x07, 1);
    expect(bench.vga.ports.read(0x15, 1)).toBe(0x0f);
  });

  test("monochrome addressing moves the CRT controller to 3B4h", () => {
    bench.vga.ports.write(2, 0x66, 1);
    bench.vga.monochromePorts.write(4, 0x0e, 1);
    bench.vga.monochromePorts.write(5, 0x12, 1);
    expect([bench.vga.monochromePorts.read(5, 1), bench.vga.ports.read(0x15, 1)]).toEqual([0x12, 0xff]);
  });

  test("input status 1 follows the beam through a frame of 1/70 s", () => {
    setVgaMode(bench.vga.ports, vgaModes.text80);
    let retraces = 0;
    let before = 0;
    let hidden = 0;
    for (let step = 0; step < 10_000; step++) {
      const status = bench.vga.ports.read(0x1a, 1);
      if ((status & 8) !== 0 && (before & 8) === 0) retraces++;
      hidden += status & 1;
      before = status;
      bench.clock.advance(10_000);
    }
    expect(retraces).toBe(7);
    expect(hidden / 10_000).toBeCloseTo(1 - (400 / 449) * (80 / 100), 1);
  });

  test("the register window in memory repeats the ports", () => {
    bench.vga.mmio.write(0x502, 800, 2);
    expect([bench.vga.mmio.read(0x502, 2), bench.vga.mmio.read(0x500, 2)]).toEqual([800, 0xb0c5]);
    bench.vga.mmio.write(0x40c - 4, 5, 1);
    expect(bench.vga.ports.read(8, 1)).toBe(5);
  });
});

test("any register values give some picture", () => {
  const vga = new Vga({ clock: new ManualClock(), memory: new FakeVideoMemory(1 << 20) });
  let seed = 17;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let round = 0; round < 60; round++) {
    setVgaMode(vga.ports, Object.values(vgaModes)[round % 6]!);
    for (let writes = random() & 15; writes > 0; writes--) {
      const port = [0x04, 0x0e, 0x14][random() % 3]!;
      vga.ports.write(port, random() & 0x1f, 1);
      vga.ports.write(port + 1, random(), 1);
      vga.legacyWindow.write((random() << 9) | random(), random(), [1, 2, 4][random() % 3] as 1 | 2 | 4);
    }
    if (round % 3 === 0) {
      vga.dispiPorts.write(0, random() % 11, 2);
      vga.dispiPorts.write(1, (random() << 2) | (random() & 3), 2);
    }
    const update = vga.render(true)!;
    expect(update.pixels.length).toBe(update.width * update.height);
    expect(update.pixels.every((value) => value >>> 24 === 0xff)).toBe(true);
    vga.textScreen();
  }
});

test("the PCI function places the frame buffer and the registers", () => {
  const memory = new FakeVideoMemory(16 << 20);
  let registersAt: number | undefined;
  const pci = new VgaPci({
    memory,
    onRegistersMoved: (address) => {
      registersAt = address;
    },
  });
  expect([pci.readConfig(0, 4), pci.readConfig(8, 4) >>> 8]).toEqual([0x11111234, 0x030000]);
  pci.writeConfig(0x10, 0xffffffff, 4);
  expect(pci.readConfig(0x10, 4)).toBe(0xff000008);
  pci.writeConfig(0x10, 0xe0000000, 4);
  pci.writeConfig(0x18, 0xe1000000, 4);
  expect([memory.placedAt, registersAt]).toEqual([undefined, undefined]);
  pci.writeConfig(0x04, 0x0002, 2);
  expect([memory.placedAt, registersAt]).toEqual([0xe0000000, 0xe1000000]);
});

test("a machine switched on again has an empty frame buffer", () => {
  const { vga, memory } = new Bench();
  vga.reset("power");
  memory.bytes[1000] = 1;
  vga.reset("hard");
  expect(memory.bytes[1000]).toBe(1);
  vga.reset("power");
  expect(memory.bytes[1000]).toBe(0);
});

deviceConformance("the VGA", () => {
  const vga = new Vga({ clock: new ManualClock(), memory: new FakeVideoMemory(1 << 20) });
  return {
    device: vga,
    exercise: () => {
      setVgaMode(vga.ports, vgaModes.mode13);
      setEgaPalette(vga.ports);
      vga.dispiPorts.write(0, 1, 2);
      vga.dispiPorts.write(1, 640, 2);
      vga.legacyWindow.read(3, 1);
      vga.render(true);
    },
  };
});

deviceConformance("the VGA's PCI function", () => {
  const pci = new VgaPci({ memory: new FakeVideoMemory(1 << 20), onRegistersMoved: () => undefined });
  return { device: pci, exercise: () => pci.writeConfig(0x10, 0xe0000000, 4) };
});
