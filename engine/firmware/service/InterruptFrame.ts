import { FRAME_MAGIC } from "../rom/stubCode.ts";
import { type GuestMemory, linearOf } from "./GuestMemory.ts";

/**
 * The registers of a caller of the BIOS, as the stub `common` saved them on the caller's stack. A service reads and
 * changes them here; the stub loads them back before it returns. The flags image is the one the INT instruction pushed.
 *
 * Layout from SP upwards, words: action, machine status, token, argument of a nested call, ES, DS; doublewords EDI, ESI, EBP,
 * ESP, EBX, EDX, ECX, EAX; words magic, service, IP, CS, FLAGS.
 */
const ACTION = 0;
const MACHINE_STATUS = 2;
const TOKEN = 4;
const ARGUMENT = 6;
const ES = 8;
const DS = 10;
const EDI = 12;
const ESI = 16;
const EBP = 20;
const EBX = 28;
const EDX = 32;
const ECX = 36;
const EAX = 40;
const MAGIC = 44;
const SERVICE = 46;
const IP = 48;
const CS = 50;
const FLAGS = 52;

const CARRY = 1 << 0;
const ZERO = 1 << 6;

export const FLAG_INTERRUPT = 1 << 9;

export class InterruptFrame {
  readonly memory: GuestMemory;
  readonly #segment: number;
  readonly #pointer: number;

  constructor(memory: GuestMemory, segment: number, pointer: number) {
    this.memory = memory;
    this.#segment = segment;
    this.#pointer = pointer;
  }

  #linear(offset: number): number {
    return linearOf(this.#segment, this.#pointer + offset);
  }
  #get16(offset: number): number {
    return this.memory.get16(this.#linear(offset));
  }
  #set16(offset: number, value: number): void {
    this.memory.set16(this.#linear(offset), value);
  }
  #get32(offset: number): number {
    return (this.#get16(offset) | (this.#get16(offset + 2) << 16)) >>> 0;
  }
  #set32(offset: number, value: number): void {
    this.#set16(offset, value);
    this.#set16(offset + 2, value >>> 16);
  }

  get genuine(): boolean {
    return this.#get16(MAGIC) === FRAME_MAGIC;
  }
  get service(): number {
    return this.#get16(SERVICE) & 0xff;
  }
  get protectionEnabled(): boolean {
    return (this.#get16(MACHINE_STATUS) & 1) !== 0;
  }
  get token(): number {
    return this.#get16(TOKEN);
  }
  set token(value: number) {
    this.#set16(TOKEN, value);
  }
  /** What the stub does next, see `Bios`; on the way back its high byte is the carry of a nested interrupt. */
  get action(): number {
    return this.#get16(ACTION);
  }
  set action(value: number) {
    this.#set16(ACTION, value);
  }
  get argument(): number {
    return this.#get16(ARGUMENT);
  }
  set argument(value: number) {
    this.#set16(ARGUMENT, value);
  }

  get eax(): number {
    return this.#get32(EAX);
  }
  set eax(value: number) {
    this.#set32(EAX, value);
  }
  get ebx(): number {
    return this.#get32(EBX);
  }
  set ebx(value: number) {
    this.#set32(EBX, value);
  }
  get ecx(): number {
    return this.#get32(ECX);
  }
  set ecx(value: number) {
    this.#set32(ECX, value);
  }
  get edx(): number {
    return this.#get32(EDX);
  }
  set edx(value: number) {
    this.#set32(EDX, value);
  }
  get edi(): number {
    return this.#get32(EDI);
  }
  set edi(value: number) {
    this.#set32(EDI, value);
  }
  set esi(value: number) {
    this.#set32(ESI, value);
  }
  set ebp(value: number) {
    this.#set32(EBP, value);
  }

  get ax(): number {
    return this.#get16(EAX);
  }
  set ax(value: number) {
    this.#set16(EAX, value);
  }
  get bx(): number {
    return this.#get16(EBX);
  }
  set bx(value: number) {
    this.#set16(EBX, value);
  }
  get cx(): number {
    return this.#get16(ECX);
  }
  set cx(value: number) {
    this.#set16(ECX, value);
  }
  get dx(): number {
    return this.#get16(EDX);
  }
  set dx(value: number) {
    this.#set16(EDX, value);
  }
  get si(): number {
    return this.#get16(ESI);
  }
  set si(value: number) {
    this.#set16(ESI, value);
  }
  get di(): number {
    return this.#get16(EDI);
  }
  set di(value: number) {
    this.#set16(EDI, value);
  }
  get bp(): number {
    return this.#get16(EBP);
  }
  set bp(value: number) {
    this.#set16(EBP, value);
  }
  get es(): number {
    return this.#get16(ES);
  }
  set es(value: number) {
    this.#set16(ES, value);
  }
  get ds(): number {
    return this.#get16(DS);
  }
  set ds(value: number) {
    this.#set16(DS, value);
  }

  get al(): number {
    return this.ax & 0xff;
  }
  set al(value: number) {
    this.ax = (this.ax & 0xff00) | (value & 0xff);
  }
  get ah(): number {
    return this.ax >> 8;
  }
  set ah(value: number) {
    this.ax = (this.ax & 0xff) | ((value & 0xff) << 8);
  }
  get bl(): number {
    return this.bx & 0xff;
  }
  set bl(value: number) {
    this.bx = (this.bx & 0xff00) | (value & 0xff);
  }
  get bh(): number {
    return this.bx >> 8;
  }
  set bh(value: number) {
    this.bx = (this.bx & 0xff) | ((value & 0xff) << 8);
  }
  get cl(): number {
    return this.cx & 0xff;
  }
  set cl(value: number) {
    this.cx = (this.cx & 0xff00) | (value & 0xff);
  }
  get ch(): number {
    return this.cx >> 8;
  }
  set ch(value: number) {
    this.cx = (this.cx & 0xff) | ((value & 0xff) << 8);
  }
  get dl(): number {
    return this.dx & 0xff;
  }
  set dl(value: number) {
    this.dx = (this.dx & 0xff00) | (value & 0xff);
  }
  get dh(): number {
    return this.dx >> 8;
  }
  set dh(value: number) {
    this.dx = (this.dx & 0xff) | ((value & 0xff) << 8);
  }

  get flags(): number {
    return this.#get16(FLAGS);
  }
  get carry(): boolean {
    return (this.flags & CARRY) !== 0;
  }
  set carry(value: boolean) {
    this.#set16(FLAGS, (this.flags & ~CARRY) | (value ? CARRY : 0));
  }
  set zero(value: boolean) {
    this.#set16(FLAGS, (this.flags & ~ZERO) | (value ? ZERO : 0));
  }

  /** Where the stub's IRET goes instead of back to the caller. */
  returnTo(segment: number, offset: number, flags: number): void {
    this.#set16(CS, segment);
    this.#set16(IP, offset);
    this.#set16(FLAGS, flags);
  }

  get ip(): number {
    return this.#get16(IP);
  }
  get cs(): number {
    return this.#get16(CS);
  }
}
