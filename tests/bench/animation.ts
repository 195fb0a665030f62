/**
 * What a viewer costs a guest that animates: a guest redraws all of 1024 x 768 in 32 bits 60 times a second and does arithmetic in
 * between. What it gets done with a console open is compared with what it does without, and so is its share of the engine's
 * thread, which a busy host disturbs less. `node tests/bench/animation.ts [rounds]`. The engine runs in a process of its own, as
 * it does in the app; this one plays the host.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeBinaryMessage } from "../../engine/api/binaryMessage.ts";
import { defaultMachineDraft } from "../../engine/api/MachineConfig.ts";
import { ProtocolClient } from "../../engine/api/ProtocolClient.ts";
import { engineProtocol } from "../../engine/host/engineProtocol.ts";
import { forkEngine } from "../../engine/host/forkEngine.ts";
import { unpackFrame } from "../../engine/host/PackedFrame.ts";
import { assemble } from "../../resources/assembler/assemble.ts";

const FLOPPY_BYTES = 1_474_560;
const SECOND_MS = 1000;
const ROUND_SECONDS = 4;

/** A boot sector: a linear mode, flat 32-bit segments, frames by the time-stamp counter (1 GHz), work reported on COM1. */
const guest = `
bits 16
org 0x7C00
start:  cli
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7C00
        mov ax, 0x4F01
        mov cx, 0x144
        mov di, 0x8000
        int 0x10
        mov ax, 0x4F02
        mov bx, 0x4144
        int 0x10
        cli
        lgdt [gdtr]
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:flat
bits 32
flat:   mov ax, 16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x7C00
        cld
        rdtsc
        mov [next], eax
        mov [report], eax
        add dword [report], 1000000000
main:   rdtsc
        mov ecx, eax
        sub ecx, [next]
        js .work
        add dword [next], 16666667
        call redraw
.work:  rdtsc
        sub eax, [report]
        js .calculate
        add dword [report], 1000000000
        mov eax, [done]
        mov dword [done], 0
        call tell
.calculate:
        mov ecx, 2000
        mov eax, [seed]
.step:  add eax, 0x9E3779B9
        rol eax, 7
        xor eax, ecx
        imul eax, eax, 69069
        dec ecx
        jnz .step
        mov [seed], eax
        inc dword [done]
        jmp main

redraw: inc dword [frame]
        mov edi, [0x8028]
        mov ebx, 768
        imul eax, [frame], 0x010305
.line:  mov edx, edi
        mov ecx, 1024
        rep stosd
        movzx edi, word [0x8010]
        add edi, edx
        add eax, 0x020101
        dec ebx
        jnz .line
        ret

tell:   mov ecx, 8
        mov ebx, eax
.digit: rol ebx, 4
        mov eax, ebx
        and al, 15
        add al, '0'
        cmp al, '9'
        jbe .out
        add al, 7
.out:   mov dx, 0x3F8
        out dx, al
        loop .digit
        mov al, 10
        out dx, al
        ret

align 8
gdt:    dq 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdtr:   dw 23
        dd gdt
next:   dd 0
report: dd 0
done:   dd 0
seed:   dd 1
frame:  dd 0
        times 510-($-$$) db 0
        dw 0xAA55
`;

function floppyImage(): Uint8Array {
  const image = new Uint8Array(FLOPPY_BYTES);
  image.set(assemble(guest).bytes);
  return image;
}

const folder = mkdtempSync(join(tmpdir(), "guesthouse-bench-"));
writeFileSync(join(folder, "animation.img"), floppyImage());
const draft = defaultMachineDraft("animation");
const config = {
  version: 1 as const,
  id: "00000000-0000-4000-8000-000000000001",
  ...draft,
  storage: { disks: [], opticals: [], floppies: [{ path: "animation.img" }] },
};

const child = forkEngine("animation");
const engine = new ProtocolClient(engineProtocol, child.endpoint);
let work: number[] = [];
let text = "";
let frames = 0;
let thread = { busyNs: 0, wallNs: 0 };
engine.on("figures", ({ busyNs, wallNs }) => {
  thread = { busyNs, wallNs };
});
engine.binary.subscribe((bytes) => {
  const message = decodeBinaryMessage(unpackFrame(bytes));
  if (message.kind === "frame") {
    frames++;
    engine.post("consoleCredit", { channel: message.channel, frames: 1 });
    return;
  }
  if (message.kind !== "serialOutput") return;
  text += Buffer.from(message.bytes).toString("latin1");
  const lines = text.split("\n");
  text = lines.pop() ?? "";
  work.push(...lines.map((line) => Number.parseInt(line, 16)));
});

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const pause = (milliseconds: number) => new Promise((resume) => setTimeout(resume, milliseconds));

/** The guest's work in a second of its time, the median of a few; the first second belongs to what was before. */
async function measure(): Promise<{ work: number; share: number; framesPerSecond: number }> {
  await pause(SECOND_MS);
  work = [];
  frames = 0;
  const before = thread;
  const began = performance.now();
  while (work.length < ROUND_SECONDS) await pause(20);
  const seconds = (performance.now() - began) / SECOND_MS;
  const sorted = work.slice(0, ROUND_SECONDS).sort((a, b) => a - b);
  const share = (thread.busyNs - before.busyNs) / (thread.wallNs - before.wallNs);
  return { work: sorted[ROUND_SECONDS >> 1] ?? 0, share, framesPerSecond: frames / seconds };
}

try {
  await engine.call("boot", { config, folder });
  while (work.length < 3) await pause(50);
  for (let round = 0; round < Number(process.argv[2] ?? 2); round++) {
    const alone = await measure();
    console.log(`no viewer: ${alone.work} units of work a second, ${percent(alone.share)} of the thread`);
    for (const deflate of [false, true]) {
      const channel = 1 + Number(deflate);
      await engine.call("consoleOpen", { channel, deflate });
      engine.post("consoleCredit", { channel, frames: 2 });
      const watched = await measure();
      const work = `${watched.work} (${percent(1 - watched.work / alone.work)} less)`;
      const share = `${percent(watched.share)} of the thread (${percent(1 - watched.share / alone.share)} less)`;
      console.log(
        `viewer, deflate ${deflate}: ${work}, ${share}, ${watched.framesPerSecond.toFixed(1)} frames a second`,
      );
      await engine.call("consoleClose", { channel });
    }
  }
} finally {
  engine.close();
  child.kill();
  rmSync(folder, { recursive: true });
}
