import { describe, expect, test } from "vitest";
import { FakeDebugTarget } from "../../../tests/fixtures/FakeDebugTarget.ts";
import { GdbSession } from "./GdbSession.ts";
import { PACKET_BYTES_MAX, PacketReader, packetOf } from "./PacketReader.ts";

function connect(target = new FakeDebugTarget(), architecture?: "i386") {
  const calls: string[] = [];
  let sent = "";
  const session = new GdbSession({
    target,
    send: (text) => {
      sent += text;
    },
    close: () => void calls.push("close"),
    kill: () => void calls.push("kill"),
    ...(architecture === undefined ? {} : { architecture }),
  });
  const raw = (text: string): string => {
    sent = "";
    session.receive(Buffer.from(text, "latin1"));
    return sent;
  };
  /** The data of the answer. */
  const ask = (data: string): string => {
    const answer = raw(packetOf(data));
    return /^\+?\$(.*)#..$/s.exec(answer)?.[1] ?? answer;
  };
  const take = (): string => sent.slice(sent.indexOf("$") + 1, sent.lastIndexOf("#"));
  return { target, session, raw, ask, take, calls };
}

describe("packets", () => {
  test("are acknowledged until GDB wants none, and refused when damaged", () => {
    const { raw } = connect();
    expect(raw("$qC#b4")).toBe("+$QC1#c5");
    expect(raw("$qC#b5")).toBe("-");
    expect(raw("-")).toBe("$QC1#c5");
    expect(raw("$QStartNoAckMode#b0")).toBe("+$OK#9a");
    expect(raw("+$qC#b4")).toBe("$QC1#c5");
    expect(raw("$qC#b5")).toBe("");
  });

  test("come in pieces, one after the other, and begin anew where one lost its end", () => {
    const { raw } = connect();
    expect(raw("noise$q")).toBe("");
    expect(raw("C#b")).toBe("");
    expect(raw("4$qC#b4")).toBe("+$QC1#c5+$QC1#c5");
    expect(raw("$m1000,$qC#b4")).toBe("+$QC1#c5");
  });

  test("that are too long are refused, and the next one is not", () => {
    const { raw } = connect();
    expect(raw(packetOf(`M0,0:${"0".repeat(PACKET_BYTES_MAX)}`))).toBe("-");
    expect(raw("$qC#b4")).toBe("+$QC1#c5");
  });

  test("carry any byte", () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1");
    expect(new PacketReader().push(Buffer.from(packetOf(all), "latin1"))).toEqual([{ kind: "packet", data: all }]);
  });

  test("of any kind of nonsense harm nothing", () => {
    const { session, target, raw } = connect();
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const letters = "?gGpPmMXcCsSzZHTqQv0123456789abcdef,;:=+-#$}*\u0003\u00ff";
    for (let round = 0; round < 5000; round++) {
      let text = "";
      for (let i = random(24); i >= 0; i--) text += letters[random(letters.length)];
      session.receive(Buffer.from(random(4) === 0 ? text : packetOf(text), "latin1"));
      if (target.state === "running") target.hit({ kind: "step" });
    }
    raw("#00");
    expect(raw("$qC#b4")).toMatch(/\$QC1#c5$/);
  });
});

describe("attaching", () => {
  test("stops the machine, and says what there is", () => {
    const { target, ask } = connect();
    expect(target.state).toBe("paused");
    expect(ask("qSupported:multiprocess+;swbreak+")).toMatch(/^PacketSize=4000;.*qXfer:features:read\+/);
    expect([ask("?"), ask("qAttached"), ask("qfThreadInfo"), ask("qsThreadInfo")]).toEqual([
      "T02thread:1;",
      "1",
      "m1",
      "l",
    ]);
    expect([ask("Hg1"), ask("T1"), ask("vMustReplyEmpty"), ask("unknown")]).toEqual(["OK", "OK", "", ""]);
  });

  test("detaching takes stop points out and lets the machine go on", () => {
    const { target, ask, calls } = connect();
    ask("Z0,1234,1");
    expect(ask("D")).toBe("OK");
    expect([target.state, target.points, calls]).toEqual(["running", [], ["close"]]);
  });

  test("a connection that breaks is like detaching", () => {
    const { target, session, ask } = connect();
    ask("Z2,1234,4");
    session.end();
    target.hit({ kind: "step" });
    expect(target.points).toEqual([]);
  });

  test("kill is passed on", () => {
    expect(connect().ask("vKill;1")).toBe("OK");
    const { raw, calls } = connect();
    expect(raw(packetOf("k"))).toBe("+");
    expect(calls).toEqual(["kill", "close"]);
  });
});

describe("registers", () => {
  const registersOf = (xml: string): [string, number][] =>
    [...xml.matchAll(/<reg name="(\w+)" bitsize="(\d+)"/g)].map((match) => [match[1]!, Number(match[2])]);

  function describeTarget(ask: (data: string) => string): string {
    let text = "";
    for (;;) {
      const part = ask(`qXfer:features:read:target.xml:${text.length.toString(16)},200`).replace(/}(.)/g, (_, c) =>
        String.fromCharCode(c.charCodeAt(0) ^ 0x20),
      );
      text += part.slice(1);
      if (part[0] === "l") return text;
    }
  }

  test("are those of x86-64 where there is long mode, else of i386", () => {
    const long = registersOf(describeTarget(connect().ask));
    expect(long.slice(0, 3)).toEqual([
      ["rax", 64],
      ["rbx", 64],
      ["rcx", 64],
    ]);
    expect(long.map(([name]) => name)).toEqual(expect.arrayContaining(["fs_base", "efer", "xmm15", "ymm15h", "st7"]));
    const short = registersOf(describeTarget(connect(new FakeDebugTarget(false)).ask));
    expect(short.slice(0, 3)).toEqual([
      ["eax", 32],
      ["ecx", 32],
      ["edx", 32],
    ]);
    expect(registersOf(describeTarget(connect(new FakeDebugTarget(), "i386").ask))).toEqual(short);
  });

  test("come one by one as they come together, and go back", () => {
    const { ask, target } = connect();
    const registers = registersOf(describeTarget(ask));
    const all = ask("g");
    expect(registers.map((_, i) => ask(`p${i.toString(16)}`)).join("")).toBe(all);
    expect(all.slice(0, 32)).toBe("1111000000000000" + "4444000000000000");
    const before = target.registers();
    expect(ask(`G${all}`)).toBe("OK");
    expect(target.registers()).toEqual(before);
    expect(ask("P0=8877665544332211")).toBe("OK");
    expect(target.registers().gpr[0]).toBe(0x1122334455667788n);
    const mxcsr = registers.findIndex(([name]) => name === "mxcsr").toString(16);
    expect([ask(`P${mxcsr}=80ffffff`), ask(`p${mxcsr}`)]).toEqual(["OK", "80ff0000"]);
    const cr3 = registers.findIndex(([name]) => name === "cr3").toString(16);
    expect(ask(`P${cr3}=0000000000000000`)).toBe("E1c");
    expect([ask("pfff"), ask("P0=12"), ask("Pxyz")]).toEqual(["E01", "E16", "E01"]);
  });

  test("outside of long mode have 32 bits", () => {
    const { ask, target } = connect();
    target.setRegisters({ ...target.registers(), msrs: new Map() });
    ask("P0=8877665544332211");
    expect(target.registers().gpr[0]).toBe(0x55667788n);
  });
});

describe("memory", () => {
  test("is read and written, in hexadecimal and as bytes, as far as there is some", () => {
    const { ask, target } = connect();
    expect(ask("M100,4:deadbeef")).toBe("OK");
    expect(ask("X104,5:#$}*x")).toBe("OK");
    expect(ask("m100,9")).toBe(`deadbeef${Buffer.from("#$}*x").toString("hex")}`);
    expect([...target.memory.subarray(0x100, 0x104)]).toEqual([0xde, 0xad, 0xbe, 0xef]);
    expect([ask("mfffe,8"), ask("m10000,1"), ask("Mffff,2:0000")]).toEqual(["0000", "E0e", "E0e"]);
    expect([ask("mzz,1"), ask("M100,4:de"), ask("M100"), ask("X,0:")]).toEqual(["E16", "E16", "E16", "E16"]);
  });
});

describe("running", () => {
  test("ends at stop points, for their reasons", () => {
    const { ask, raw, take, target } = connect();
    expect([ask("Z0,1234,1"), ask("Z1,2000,1"), ask("Z2,3000,4"), ask("Z4,4000,8")]).toEqual(["OK", "OK", "OK", "OK"]);
    expect(target.points).toHaveLength(4);
    expect(raw(packetOf("vCont;c"))).toBe("+");
    target.hit({ kind: "breakpoint", address: 0x1234n });
    expect(take()).toBe("T05swbreak:;thread:1;");
    raw(packetOf("c"));
    target.hit({ kind: "breakpoint", address: 0x2000n });
    expect(take()).toBe("T05hwbreak:;thread:1;");
    raw(packetOf("c"));
    target.hit({ kind: "watchpoint", watchpoint: { access: "access", address: 0x4000n, length: 8 } });
    expect(take()).toBe("T05awatch:4000;thread:1;");
    expect(ask("?")).toBe("T05awatch:4000;thread:1;");
    expect([ask("z0,1234,1"), ask("z1,2000,1"), ask("z2,3000,4"), ask("z4,4000,8")]).toEqual(["OK", "OK", "OK", "OK"]);
    expect(target.points).toEqual([]);
    expect([ask("Z5,0,0"), ask("Z2,0,0"), ask("Z0,,")]).toEqual(["", "E16", "E16"]);
  });

  test("is interrupted, and stepped, also from another place", () => {
    const { ask, raw, take, target } = connect();
    raw(packetOf("c"));
    expect(target.state).toBe("running");
    raw("\u0003");
    expect(take()).toBe("T02thread:1;");
    expect(ask("vCont;s:1;c")).toBe("T05thread:1;");
    expect(target.registers().rip).toBe(0x1001n);
    expect(ask("s5000")).toBe("T05thread:1;");
    expect(target.registers().rip).toBe(0x5001n);
    expect(ask("vCont?")).toBe("vCont;c;C;s;S");
  });

  test("ends for good when the machine is off", () => {
    const { raw, ask, take, target } = connect();
    raw(packetOf("c"));
    target.hit({ kind: "off" });
    expect(take()).toBe("W00");
    expect(ask("c")).toBe("W00");
  });
});
