/**
 * A small protected-mode system for tests: flat segments for levels 0 and 3, a TSS, an IDT whose 32-bit interrupt gates lead to
 * 0x8000 + vector.
 */
import type { SystemUnitHarness } from "./SystemUnitHarness.ts";

export const gdt = 0x1000;
export const idt = 0x2000;
export const tss = 0x3000;
export const ldt = 0x5800;
export const kernelStackTop = 0x7000;
export const innerStackTop = 0x6000;
export const userStackTop = 0x9000;

/** Selectors of the table that `enterProtectedMode` writes. */
export const sel = {
  code0: 0x08,
  data0: 0x10,
  code3: 0x1b,
  data3: 0x23,
  tss: 0x28,
  conforming: 0x30,
  code16: 0x38,
  absentCode: 0x40,
  expandDown: 0x48,
  ldt: 0x50,
  readOnly: 0x58,
  executeOnly: 0x60,
  absentData: 0x68,
  code1: 0x70,
  data1: 0x78,
  stack16: 0x80,
  /** Free for gates and tasks of a test. */
  free0: 0x88,
  free1: 0x90,
  free2: 0x98,
  limit: 0xa7,
} as const;

/** A segment or system descriptor; `granular` gives 4 KiB units and 32 bits. */
export function descriptor(base: number, limit: number, access: number, flags = 0): bigint {
  const low = BigInt((limit & 0xffff) | ((base & 0xffff) << 16)) & 0xffff_ffffn;
  const high = ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff000000);
  return low | (BigInt(high >>> 0) << 32n);
}

export function gate(selector: number, offset: number, access: number, parameters = 0): bigint {
  const low = BigInt(((selector << 16) | (offset & 0xffff)) >>> 0);
  return low | (BigInt(((offset & 0xffff0000) | (access << 8) | parameters) >>> 0) << 32n);
}

export function setDescriptor(unit: SystemUnitHarness, selector: number, value: bigint): void {
  unit.w64(gdt + (selector & 0xfff8), value);
}

export function setIdtGate(unit: SystemUnitHarness, vector: number, value: bigint): void {
  unit.w64(idt + vector * 8, value);
}

const flat = (access: number): bigint => descriptor(0, 0xfffff, access, 0xc);

function writeTables(unit: SystemUnitHarness): void {
  setDescriptor(unit, sel.code0, flat(0x9a));
  setDescriptor(unit, sel.data0, flat(0x92));
  setDescriptor(unit, sel.code3, flat(0xfa));
  setDescriptor(unit, sel.data3, flat(0xf2));
  setDescriptor(unit, sel.tss, descriptor(tss, 0x1fff, 0x89));
  setDescriptor(unit, sel.conforming, flat(0x9e));
  setDescriptor(unit, sel.code16, descriptor(0, 0xffff, 0x9a));
  setDescriptor(unit, sel.absentCode, flat(0x1a));
  setDescriptor(unit, sel.expandDown, descriptor(0, 0xfff, 0x96, 0x4));
  setDescriptor(unit, sel.ldt, descriptor(ldt, 0x1f, 0x82));
  setDescriptor(unit, sel.readOnly, flat(0x90));
  setDescriptor(unit, sel.executeOnly, flat(0x98));
  setDescriptor(unit, sel.absentData, flat(0x12));
  setDescriptor(unit, sel.code1, flat(0xba));
  setDescriptor(unit, sel.data1, flat(0xb2));
  setDescriptor(unit, sel.stack16, descriptor(0, 0xffff, 0x92));
  for (let vector = 0; vector < 256; vector++) setIdtGate(unit, vector, gate(sel.code0, 0x8000 + vector, 0x8e));
  unit.w32(tss + 4, innerStackTop);
  unit.w16(tss + 8, sel.data0);
  unit.w32(tss + 12, innerStackTop - 0x400);
  unit.w16(tss + 16, sel.data1 | 1);
  unit.w16(tss + 0x66, 0x88);
}

/** Flat 32-bit protected mode at CPL 0, without paging. */
export function enterProtectedMode(unit: SystemUnitHarness): void {
  unit.reset();
  writeTables(unit);
  unit.call("lgdt", sel.limit, BigInt(gdt));
  unit.call("lidt", 0x7ff, BigInt(idt));
  unit.call("writeControl", 0, 0x11n);
  unit.call("farJump", sel.code0, 0x100n, 4);
  for (const segment of ["ss", "ds", "es", "fs", "gs"] as const) unit.load(segment, sel.data0);
  unit.setGpr(4, kernelStackTop);
  unit.call("ltr", sel.tss);
}

/** Writes dwords upwards from the stack pointer that they leave on top. */
export function pushDwords(unit: SystemUnitHarness, values: readonly number[]): void {
  unit.setGpr(4, unit.gpr(4) - values.length * 4);
  values.forEach((value, i) => {
    unit.w32(unit.gpr(4) + i * 4, value);
  });
}

/** From level 0 to level 3 by IRET, with these flags. */
export function enterUser(unit: SystemUnitHarness, flags = 0x202): void {
  pushDwords(unit, [0x100, sel.code3, flags, userStackTop, sel.data3]);
  unit.call("iret", 4);
  unit.load("ds", sel.data3);
  unit.load("es", sel.data3);
}

/** From level 0 into virtual-8086 mode at 1000:0100 with stack 2000:0800. */
export function enterVirtual8086(unit: SystemUnitHarness, flags = 0x20202): void {
  pushDwords(unit, [0x100, 0x1000, flags, 0x800, 0x2000, 0x3000, 0x3100, 0x3200, 0x3300]);
  unit.call("iret", 4);
}

export const pageDirectory = 0x10_0000;
export const pageTable = 0x10_1000;

/** Identity-maps the first 4 MiB with 4 KiB pages and turns paging on. Entries are present, writable, user. */
export function enablePaging(unit: SystemUnitHarness, controlBits = 0): void {
  unit.w32(pageDirectory, pageTable | 7);
  for (let i = 0; i < 1024; i++) unit.w32(pageTable + i * 4, (i << 12) | 7);
  unit.call("writeControl", 3, BigInt(pageDirectory));
  unit.call("writeControl", 0, BigInt((0x8000_0011 | controlBits) >>> 0));
}

export function setPage(unit: SystemUnitHarness, linear: number, entry: number): void {
  unit.w32(pageTable + (linear >>> 12) * 4, entry);
  unit.call("flushTlbPage", BigInt(linear));
}
