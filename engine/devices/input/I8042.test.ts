import { describe, expect, test } from "vitest";
import { deviceConformance } from "../../../tests/conformance/deviceConformance.ts";
import { ManualClock } from "../../../tests/conformance/ManualClock.ts";
import { RecordedLine } from "../../../tests/conformance/RecordedLine.ts";
import { A20Gate } from "./A20Gate.ts";
import { I8042 } from "./I8042.ts";
import { Ps2Keyboard } from "./Ps2Keyboard.ts";
import { Ps2Mouse } from "./Ps2Mouse.ts";
import { SystemControlPortA } from "./SystemControlPortA.ts";

function make() {
  const clock = new ManualClock();
  const keyboardIrq = new RecordedLine();
  const auxIrq = new RecordedLine();
  const events: string[] = [];
  const a20 = new A20Gate({ onChanged: (enabled) => events.push(`a20 ${enabled}`) });
  const keyboard = new Ps2Keyboard({ clock, onLeds: (leds) => events.push(`leds ${leds}`) });
  const mouse = new Ps2Mouse({ clock });
  const onReset = () => events.push("reset");
  const controller = new I8042({ clock, keyboardIrq, auxIrq, keyboard, aux: mouse, a20, onReset });
  const portA = new SystemControlPortA({ a20, onReset });
  const command = (...bytes: number[]) => {
    controller.commandPort.write(0, bytes[0]!, 1);
    for (const byte of bytes.slice(1)) controller.dataPort.write(0, byte, 1);
  };
  const status = () => controller.commandPort.read(0, 1);
  const data = () => controller.dataPort.read(0, 1);
  /** Everything that arrives within a while, as hexadecimal. */
  const arriving = () => {
    const bytes: string[] = [];
    for (let i = 0; i < 40; i++) {
      clock.advance(200_000);
      if (status() & 1) bytes.push(data().toString(16).padStart(2, "0"));
    }
    return bytes.join(" ");
  };
  const toKeyboard = (...bytes: number[]) => {
    for (const byte of bytes) controller.dataPort.write(0, byte, 1);
    return arriving();
  };
  const toMouse = (...bytes: number[]) => {
    for (const byte of bytes) command(0xd4, byte);
    return arriving();
  };
  const press = (...usages: number[]) => {
    for (const usage of usages) keyboard.key(usage, true);
    return arriving();
  };
  const release = (...usages: number[]) => {
    for (const usage of usages) keyboard.key(usage, false);
    return arriving();
  };
  return {
    clock,
    keyboardIrq,
    auxIrq,
    events,
    a20,
    keyboard,
    mouse,
    controller,
    portA,
    command,
    status,
    data,
    arriving,
    toKeyboard,
    toMouse,
    press,
    release,
  };
}

const A = 0x04,
  B = 0x05,
  SHIFT = 0xe1,
  CONTROL = 0xe0,
  ALT = 0xe2,
  UP = 0x52,
  PRINT_SCREEN = 0x46,
  PAUSE = 0x48;

describe("8042 commands", () => {
  test("self tests", () => {
    const { command, data, status } = make();
    expect(status()).toBe(0x10);
    command(0xaa);
    expect([status(), data(), status()]).toEqual([0x1d, 0x55, 0x1c]);
    command(0xab);
    expect(data()).toBe(0);
    command(0xa9);
    expect(data()).toBe(0);
  });

  test("the command byte and the memory behind it", () => {
    const { command, data } = make();
    command(0x60, 0x47);
    command(0x20);
    expect(data()).toBe(0x47);
    command(0x7f, 0x99);
    command(0x3f);
    expect(data()).toBe(0x99);
    command(0xad);
    command(0xa7);
    command(0x20);
    expect(data()).toBe(0x77);
    command(0xae);
    command(0xa8);
    command(0x20);
    expect(data()).toBe(0x47);
  });

  test("A20 through the output port, DD/DF and port 92h, which agree", () => {
    const { command, data, events, portA } = make();
    command(0xd1, 0xdd);
    command(0xd0);
    expect([data() & 2, portA.read()]).toEqual([0, 0]);
    command(0xdf);
    command(0xdd);
    portA.write(0, 0x02);
    expect(events).toEqual(["a20 false", "a20 true", "a20 false", "a20 true"]);
    command(0xd0);
    expect(data() & 3).toBe(3);
  });

  test("reset by pulse, by output port and by port 92h", () => {
    const { command, events, portA } = make();
    command(0xff);
    expect(events).toEqual([]);
    command(0xfe);
    command(0xd1, 0x02);
    portA.write(0, 0x03);
    portA.write(0, 0x03);
    expect(events).toEqual(["reset", "reset", "reset"]);
  });

  test("bytes written into the output buffer seem to come from a device", () => {
    const { command, data, status, keyboardIrq, auxIrq } = make();
    command(0x60, 0x47);
    command(0xd2, 0x12);
    expect([status() & 0x21, keyboardIrq.level, data()]).toEqual([0x01, true, 0x12]);
    command(0xd3, 0x34);
    expect([status() & 0x21, auxIrq.level, data(), auxIrq.level]).toEqual([0x21, true, 0x34, false]);
  });
});

describe("keyboard through the controller", () => {
  test("make and break arrive in set 1 with an interrupt each", () => {
    const { press, release, keyboardIrq } = make();
    expect(press(A)).toBe("1e");
    expect(release(A)).toBe("9e");
    expect(keyboardIrq.rises).toBe(2);
    expect(press(UP)).toBe("e0 48");
    expect(release(UP)).toBe("e0 c8");
  });

  test("a byte stays readable until the next arrives", () => {
    const { keyboard, clock, data, status, keyboardIrq } = make();
    keyboard.key(A, true);
    keyboard.key(B, true);
    clock.advance(150_000);
    expect([data(), data(), status() & 1, keyboardIrq.level]).toEqual([0x1e, 0x1e, 0, false]);
    clock.advance(150_000);
    expect([status() & 1, data()]).toEqual([1, 0x30]);
  });

  test("without translation set 2 comes through", () => {
    const { command, press, release } = make();
    command(0x60, 0x01);
    expect(press(A)).toBe("1c");
    expect(release(A)).toBe("f0 1c");
    expect(press(UP)).toBe("e0 75");
    expect(release(UP)).toBe("e0 f0 75");
  });

  test("Pause and Print Screen", () => {
    const { press, release } = make();
    expect(press(PAUSE)).toBe("e1 1d 45 e1 9d c5");
    expect(release(PAUSE)).toBe("");
    expect(press(CONTROL, PAUSE)).toBe("1d e0 46 e0 c6");
    expect(release(PAUSE, CONTROL)).toBe("9d");
    expect(press(PRINT_SCREEN)).toBe("e0 2a e0 37");
    expect(release(PRINT_SCREEN)).toBe("e0 b7 e0 aa");
    expect(press(SHIFT, PRINT_SCREEN)).toBe("2a e0 37");
    release(PRINT_SCREEN, SHIFT);
    expect(press(ALT, PRINT_SCREEN)).toBe("38 54");
    expect(release(PRINT_SCREEN, ALT)).toBe("d4 b8");
  });

  test("a disabled interface keeps its codes until it is enabled", () => {
    const { command, press, arriving } = make();
    command(0xad);
    expect(press(A)).toBe("");
    command(0xae);
    expect(arriving()).toBe("1e");
  });

  test("without the interrupt bit bytes arrive silently", () => {
    const { command, press, keyboardIrq } = make();
    command(0x60, 0x40);
    expect(press(A)).toBe("1e");
    expect(keyboardIrq.rises).toBe(0);
  });
});

describe("keyboard commands", () => {
  test("reset, identify, echo, resend and the unknown", () => {
    const { command, toKeyboard } = make();
    command(0x60, 0x00);
    expect(toKeyboard(0xff)).toBe("fa aa");
    expect(toKeyboard(0xf2)).toBe("fa ab 83");
    expect(toKeyboard(0xee)).toBe("ee");
    expect(toKeyboard(0xfe)).toBe("ee");
    expect(toKeyboard(0xef)).toBe("fe");
  });

  test("identify is translated as any other byte", () => {
    expect(make().toKeyboard(0xf2)).toBe("fa ab 41");
  });

  test("LEDs", () => {
    const { toKeyboard, events, keyboard } = make();
    expect(toKeyboard(0xed, 0x06)).toBe("fa fa");
    expect([events, keyboard.leds]).toEqual([["leds 6"], 6]);
  });

  test("scan code sets are chosen and told", () => {
    const { command, toKeyboard, press, release } = make();
    command(0x60, 0x00);
    expect(toKeyboard(0xf0, 0x00)).toBe("fa fa 02");
    expect(toKeyboard(0xf0, 0x01)).toBe("fa fa");
    expect([press(UP), release(UP)]).toEqual(["e0 48", "e0 c8"]);
    expect(toKeyboard(0xf0, 0x03)).toBe("fa fa");
    expect([press(UP), release(UP)]).toEqual(["63", "f0 63"]);
    expect(toKeyboard(0xfd, 0x63)).toBe("fa fa");
    expect(toKeyboard(0xf4)).toBe("fa");
    expect([press(UP), release(UP)]).toEqual(["63", ""]);
    expect(toKeyboard(0xf0, 0x07)).toBe("fa fe");
  });

  test("disabled scanning drops keys", () => {
    const { toKeyboard, press, release } = make();
    expect(toKeyboard(0xf5)).toBe("fa");
    expect([press(A), release(A)]).toEqual(["", ""]);
    expect(toKeyboard(0xf4)).toBe("fa");
    expect(press(A)).toBe("1e");
  });

  test("typematic repeats the last key after the delay at the rate, until it is released", () => {
    const { keyboard, clock, toKeyboard, status, data } = make();
    toKeyboard(0xf3, 0x20); // 500 ms, 30 a second
    keyboard.key(A, true);
    keyboard.key(A, true);
    const arrivals: number[] = [];
    for (let ms = 1; ms <= 690; ms++) {
      clock.advance(1e6);
      if (status() & 1) arrivals.push(data());
    }
    expect(arrivals).toEqual(Array(7).fill(0x1e));
    keyboard.key(A, false);
    clock.advance(1e6);
    expect(data()).toBe(0x9e);
    clock.advance(1e9);
    expect([status() & 1, clock.pending]).toEqual([0, 0]);
  });

  test("a full buffer ends with an overrun code", () => {
    const { command, keyboard, arriving } = make();
    command(0xad);
    for (let i = 0; i < 600; i++) {
      keyboard.key(A, true);
      keyboard.key(A, false);
    }
    command(0x60, 0x00);
    const bytes: string[] = [];
    for (let part = arriving(); part !== ""; part = arriving()) bytes.push(...part.split(" "));
    expect(bytes.length).toBeLessThanOrEqual(1024);
    expect([bytes[0], bytes.at(-1)]).toEqual(["1c", "00"]);
  });
});

describe("mouse through the controller", () => {
  const start = () => {
    const machine = make();
    machine.command(0x60, 0x47);
    machine.toMouse(0xf4);
    return machine;
  };

  test("reset and identify", () => {
    const { command, toMouse } = make();
    command(0x60, 0x47);
    expect(toMouse(0xff)).toBe("fa aa 00");
    expect(toMouse(0xf2)).toBe("fa 00");
    expect(toMouse(0xe1)).toBe("fe");
  });

  test("motion makes packets with y upwards, flagged as auxiliary", () => {
    const { mouse, clock, arriving, status, auxIrq } = start();
    const before = auxIrq.rises;
    mouse.move(5, 3, 0);
    clock.advance(150_000);
    expect(status() & 0x21).toBe(0x21);
    expect(arriving()).toBe("28 05 fd");
    expect(auxIrq.rises - before).toBe(3);
    mouse.move(-1, -2, 0);
    expect(arriving()).toBe("18 ff 02");
  });

  test("motion adds up between samples and large motion takes several packets", () => {
    const { mouse, clock, arriving } = start();
    mouse.move(1, 0, 0);
    mouse.move(1, 0, 0);
    mouse.move(300, 0, 0);
    expect(arriving()).toBe("08 01 00");
    clock.advance(10_000_000);
    expect([arriving(), arriving()].join(" ").trim()).toBe("08 ff 00 08 2e 00");
  });

  test("a click between two samples is not lost", () => {
    const { mouse, arriving } = start();
    mouse.move(1, 0, 0);
    mouse.buttons(1);
    mouse.buttons(0);
    mouse.buttons(6);
    const packets = [arriving(), arriving(), arriving(), arriving(), arriving()];
    expect(packets.filter((packet) => packet !== "").join(" ")).toBe("08 01 00 09 00 00 08 00 00 0e 00 00");
  });

  test("the knocks for wheel and five buttons", () => {
    const { mouse, clock, toMouse, arriving } = start();
    for (const rate of [200, 100, 80]) toMouse(0xf3, rate);
    expect(toMouse(0xf2)).toBe("fa 03");
    mouse.move(0, 0, 1);
    expect(arriving()).toBe("08 00 00 01");
    for (const rate of [200, 200, 80]) toMouse(0xf3, rate);
    expect(toMouse(0xf2)).toBe("fa 04");
    clock.advance(20_000_000);
    mouse.buttons(0x18);
    mouse.move(0, 0, -2);
    expect(`${arriving()} ${arriving()} ${arriving()}`.trim()).toMatch(/^08 00 00 30 +08 00 00 3e/);
  });

  test("status tells mode, scaling, buttons, resolution and rate", () => {
    const { mouse, toMouse } = start();
    expect(toMouse(0xe9)).toBe("fa 20 02 64");
    toMouse(0xe8, 3);
    toMouse(0xe7);
    toMouse(0xf3, 40);
    toMouse(0xf0);
    mouse.buttons(1);
    expect(toMouse(0xeb)).toBe("fa 09 00 00");
    expect(toMouse(0xe9)).toBe("fa 74 03 28");
    expect(toMouse(0xf6)).toBe("fa");
    expect(toMouse(0xe9)).toBe("fa 00 02 64");
  });

  test("remote mode sends only when asked, scaling applies in stream mode alone", () => {
    const { mouse, toMouse, arriving } = start();
    toMouse(0xe7);
    toMouse(0xf0);
    mouse.move(4, 0, 0);
    expect(arriving()).toBe("");
    expect(toMouse(0xeb)).toBe("fa 08 04 00");
    toMouse(0xea);
    mouse.move(4, 0, 0);
    expect(arriving()).toBe("08 06 00");
  });

  test("wrap mode echoes until it is left", () => {
    const { mouse, toMouse, arriving } = start();
    expect(toMouse(0xee)).toBe("fa");
    expect(toMouse(0xf2)).toBe("f2");
    mouse.move(4, 0, 0);
    expect(arriving()).toBe("");
    expect(toMouse(0xec)).toBe("fa");
    expect(toMouse(0xf2)).toBe("fa 00");
  });

  test("an invalid parameter is asked for again", () => {
    const { toMouse } = start();
    expect(toMouse(0xf3, 33)).toBe("fe");
    expect(toMouse(60)).toBe("fa");
  });
});

deviceConformance("I8042", () => {
  const { controller, command, keyboard, clock } = make();
  return {
    device: controller,
    exercise: () => {
      command(0x60, 0x47);
      keyboard.key(A, true);
      clock.advance(150_000);
      command(0xaa);
      command(0xd1);
    },
  };
});

deviceConformance("Ps2Keyboard", () => {
  const { keyboard } = make();
  return {
    device: keyboard,
    exercise: () => {
      for (const byte of [0xf0, 0x03, 0xf3, 0x20, 0xfd, 0x12]) keyboard.receive(byte);
      keyboard.receive(0xf4);
      keyboard.key(A, true);
      keyboard.receive(0xed);
    },
  };
});

deviceConformance("Ps2Mouse", () => {
  const { mouse } = make();
  return {
    device: mouse,
    exercise: () => {
      for (const byte of [0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4]) mouse.receive(byte);
      while (mouse.hasOutput()) mouse.takeOutput();
      mouse.move(300, -20.5, 2);
      mouse.buttons(1);
      mouse.buttons(0);
    },
  };
});

deviceConformance("A20Gate", () => {
  const { a20 } = make();
  return {
    device: a20,
    exercise: () => {
      a20.enabled = false;
    },
  };
});

deviceConformance("SystemControlPortA", () => {
  const { portA } = make();
  return { device: portA, exercise: () => portA.write(0, 0xf0) };
});
