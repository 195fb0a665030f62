/**
 * The PCI transport of a virtio device (OASIS virtio 1.1, 4.1), transitional: the legacy ports at BAR 0, the MSI-X table at BAR 1, the
 * modern structures in memory at BAR 4, found by vendor capabilities. Interrupts by MSI-X or INTA#. A driver that breaks the rules of
 * a queue finds DEVICE_NEEDS_RESET and a device that rests. Requests in flight are saved as their heads and begun anew by a load, because
 * the guest's memory still holds them.
 */
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import { MSIX_WINDOW_BYTES, Msix } from "../pci/Msix.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";
import { LegacyRegisters } from "./LegacyRegisters.ts";
import { ModernRegisters } from "./ModernRegisters.ts";
import type { VirtioFunction } from "./VirtioFunction.ts";
import { NO_VECTOR, type QueueFeatures, Virtqueue, type VirtqueueRequest } from "./Virtqueue.ts";
import * as registers from "./virtioRegisters.ts";

const VENDOR = 0x1af4;
const VENDOR_CAPABILITY = 0x09;
const STATUS_INTERRUPT = 0x08;
export const LEGACY_WINDOW_BYTES = 128;

/** Where the windows are now, undefined while they decode nothing. */
export interface VirtioWindows {
  readonly onLegacyMoved: (port: number | undefined) => void;
  readonly onMsixMoved: (address: number | undefined) => void;
  readonly onModernMoved: (address: number | undefined) => void;
}

export interface VirtioPciOptions extends VirtioWindows {
  readonly id: string;
  readonly function: VirtioFunction;
  readonly memory: PhysicalMemory;
  /** INTA#. */
  readonly irq: IrqLine;
  readonly messages: MessageSink;
}

export class VirtioPci implements Device, PciFunction {
  readonly id: string;
  readonly stateVersion = 1;
  readonly function: VirtioFunction;
  readonly queues: readonly Virtqueue[];
  readonly msix: Msix;
  readonly legacyPorts: IoHandler;
  readonly modernWindow: IoHandler;
  /** What the driver accepted: low and high word. */
  readonly driverFeatures: [low: number, high: number] = [0, 0];
  configurationVector = NO_VECTOR;
  selectedQueue = 0;
  /** The device and driver feature words that the modern registers show. */
  readonly featureSelects = new Uint32Array(2);
  readonly #config: PciConfigSpace;
  readonly #irq: IrqLine;
  readonly #accessCapability: number;
  #status = 0;
  #isr = 0;
  #generation = 0;
  #processing = false;

  constructor(options: VirtioPciOptions) {
    const { id, memory } = options;
    this.id = id;
    this.function = options.function;
    this.#irq = options.irq;
    this.queues = options.function.queueSizes.map((size) => new Virtqueue(memory, size));
    this.#config = configSpace(options);
    this.msix = new Msix({ config: this.#config, vectors: this.queues.length + 1, bar: 1, sink: options.messages });
    this.#accessCapability = addCapabilities(this.#config);
    this.#config.onWrite = (offset) => this.#configWritten(offset);
    this.legacyPorts = new LegacyRegisters(this);
    this.modernWindow = new ModernRegisters(this);
    options.function.attach({
      complete: (queue, request, written) => this.#complete(queue, request, written),
      configurationChanged: () => this.#configurationChanged(),
      accepted: (feature) => (this.driverFeatures[0] & feature) !== 0,
    });
  }

  readConfig(offset: number, width: 1 | 2 | 4): number {
    if (this.#isAccessData(offset)) {
      const at = this.#accessOffset();
      if (at !== undefined)
        this.#config.set32(this.#accessCapability + 16, this.modernWindow.read(at, this.#accessWidth()));
    }
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
    if (!this.#isAccessData(offset)) return;
    const at = this.#accessOffset();
    const data = this.#config.get32(this.#accessCapability + 16);
    const bytes = this.#accessWidth();
    if (at !== undefined) this.modernWindow.write(at, bytes === 4 ? data : data & (2 ** (8 * bytes) - 1), bytes);
  }

  // For the register files.

  get queue(): Virtqueue | undefined {
    return this.queues[this.selectedQueue];
  }

  get deviceFeatures(): readonly [low: number, high: number] {
    const shared = registers.ANY_LAYOUT + registers.INDIRECT_DESC + registers.EVENT_IDX;
    return [(this.function.features | shared) >>> 0, registers.VERSION_1_HIGH];
  }

  get status(): number {
    return this.#status;
  }

  /** Writing 0 resets the device. FEATURES_OK does not stay when a feature was accepted that is not there. */
  set status(value: number) {
    if (value === 0) {
      this.#resetFunction();
      return;
    }
    const [low, high] = this.deviceFeatures;
    const [driverLow, driverHigh] = this.driverFeatures;
    const unknown = (driverLow & ~low) !== 0 || (driverHigh & ~high) !== 0;
    const accepted = unknown ? value & ~registers.FEATURES_OK : value;
    this.#status = (accepted & 0xff) | (this.#status & registers.DEVICE_NEEDS_RESET);
  }

  get configurationGeneration(): number {
    return this.#generation & 0xff;
  }

  /** Reading the ISR acknowledges the interrupt. */
  readIsr(): number {
    const isr = this.#isr;
    this.#isr = 0;
    this.#driveLine();
    return isr;
  }

  /** A vector as it can be used: FFFFh for one that is not there. */
  usableVector(vector: number): number {
    return vector <= this.queues.length ? vector : NO_VECTOR;
  }

  notify(index: number): void {
    // A ring placed over these registers must not start this once more.
    if (this.#processing || this.queues[index] === undefined) return;
    this.#processing = true;
    try {
      this.#process(index, this.queues[index]);
    } finally {
      this.#processing = false;
    }
  }

  #process(index: number, queue: Virtqueue): void {
    const features = this.#queueFeatures;
    // A driver that keeps adding must not hold the thread: what is in the ring at once is at most its size.
    for (let taken = 0; taken <= queue.size; taken++) {
      const request = queue.take(features);
      if (request === undefined) break;
      this.function.handle(index, request);
    }
    this.#reportBroken(queue);
  }

  get #queueFeatures(): QueueFeatures {
    const [low] = this.driverFeatures;
    return { indirect: (low & registers.INDIRECT_DESC) !== 0, eventIndex: (low & registers.EVENT_IDX) !== 0 };
  }

  #complete(index: number, request: VirtqueueRequest, written: number): void {
    const queue = this.queues[index]!;
    if (queue.giveBack(request.head, written, this.#queueFeatures)) this.#interrupt(registers.ISR_QUEUE, queue.vector);
  }

  #reportBroken(queue: Virtqueue): void {
    if (!queue.broken || (this.#status & registers.DEVICE_NEEDS_RESET) !== 0) return;
    this.#status |= registers.DEVICE_NEEDS_RESET;
    this.#interrupt(registers.ISR_CONFIGURATION, this.configurationVector);
  }

  #configurationChanged(): void {
    this.#generation++;
    this.#interrupt(registers.ISR_CONFIGURATION, this.configurationVector);
  }

  #interrupt(reason: number, vector: number): void {
    if (this.msix.enabled) return this.msix.raise(vector);
    this.#isr |= reason;
    this.#driveLine();
  }

  #driveLine(): void {
    const pending = this.#isr !== 0;
    this.#config.set16(6, (this.#config.get16(6) & ~STATUS_INTERRUPT) | (pending ? STATUS_INTERRUPT : 0));
    this.#irq.set(pending && this.#config.interruptEnabled && !this.msix.enabled);
  }

  #configWritten(offset: number): void {
    if (offset < 8) this.#driveLine();
    else if (offset >= 0x40) this.msix.configWritten();
  }

  #isAccessData(offset: number): boolean {
    return (offset & 0xfc) === this.#accessCapability + 16;
  }

  #accessWidth(): 1 | 2 | 4 {
    const length = this.#config.get32(this.#accessCapability + 12);
    return length === 1 || length === 2 ? length : 4;
  }

  /** The offset in the modern window that the access capability names. */
  #accessOffset(): number | undefined {
    const offset = this.#config.get32(this.#accessCapability + 8);
    const inside = this.#config.get8(this.#accessCapability + 4) === 4 && offset < registers.MODERN_WINDOW_BYTES;
    return inside ? offset : undefined;
  }

  #resetFunction(): void {
    this.function.reset();
    for (const queue of this.queues) queue.reset();
    this.driverFeatures.fill(0);
    this.featureSelects.fill(0);
    this.configurationVector = NO_VECTOR;
    this.selectedQueue = 0;
    this.#status = 0;
    this.#isr = 0;
    this.#driveLine();
  }

  reset(kind: ResetKind): void {
    void kind; // Both pull RST#.
    this.#resetFunction();
    this.function.powerReset?.();
    this.#generation = 0;
    this.#config.reset();
    this.msix.reset();
    this.#driveLine();
  }

  save(writer: StateWriter): void {
    this.#config.save(writer);
    this.msix.save(writer);
    writer.u8(this.#status).u8(this.#isr).u32(this.#generation).u16(this.configurationVector).u16(this.selectedQueue);
    for (const word of [...this.driverFeatures, ...this.featureSelects]) writer.u32(word);
    for (const queue of this.queues) queue.save(writer);
    this.function.save(writer);
  }

  load(reader: StateReader): void {
    const config = this.#config.readState(reader);
    const loads = [this.msix.prepareLoad(reader)];
    const [status, isr, generation] = [reader.u8(), reader.u8(), reader.u32()];
    const [configurationVector, selectedQueue] = [reader.u16(), reader.u16()];
    const words = Array.from({ length: 4 }, () => reader.u32());
    for (const queue of this.queues) loads.push(queue.prepareLoad(reader));
    loads.push(this.function.prepareLoad(reader));
    this.function.reset();
    this.#config.apply(config);
    for (const load of loads) load();
    this.#status = status;
    this.#isr = isr;
    this.#generation = generation;
    this.configurationVector = configurationVector;
    this.selectedQueue = selectedQueue;
    this.driverFeatures.splice(0, 2, words[0]!, words[1]!);
    this.featureSelects.set(words.slice(2));
    this.#driveLine();
    this.#resumeRequests();
  }

  /** Not within the load: the rest of the machine may not be there yet. */
  #resumeRequests(): void {
    const expected = this.queues.map((queue) => queue.inFlight.slice());
    void Promise.resolve().then(() => {
      for (const [index, queue] of this.queues.entries()) {
        for (const head of expected[index]!) {
          if (!queue.inFlight.includes(head)) continue;
          const request = queue.requestAt(head, this.#queueFeatures);
          if (request !== undefined) this.function.handle(index, request);
        }
        this.#reportBroken(queue);
      }
    });
  }
}

function configSpace(options: VirtioPciOptions): PciConfigSpace {
  return new PciConfigSpace({
    id: options.id,
    vendorId: VENDOR,
    // The transitional identifiers; a legacy driver looks at the subsystem.
    deviceId: transitionalDeviceId(options.function.type),
    classCode: options.function.classCode,
    subsystemVendorId: VENDOR,
    subsystemId: options.function.type,
    interruptPin: 1,
    commandMask: 0x0407,
    bars: [
      { index: 0, kind: "io", sizeBytes: LEGACY_WINDOW_BYTES, onChange: options.onLegacyMoved },
      { index: 1, kind: "memory", sizeBytes: MSIX_WINDOW_BYTES, onChange: options.onMsixMoved },
      { index: 4, kind: "memory", sizeBytes: registers.MODERN_WINDOW_BYTES, onChange: options.onModernMoved },
    ],
  });
}

/** 1000h network, 1001h block, 1002h balloon, 1003h console, 1004h SCSI, 1005h entropy (4.1.2.1). */
function transitionalDeviceId(type: number): number {
  const order = [1, 2, 5, 3, 8, 4];
  const at = order.indexOf(type);
  if (at < 0) throw new Error(`virtio type ${type} has no transitional device`);
  return 0x1000 + at;
}

/** Returns where the access capability begins. */
function addCapabilities(config: PciConfigSpace): number {
  const le32 = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
  for (const [name, { type, offset, length }] of Object.entries(registers.modernLayout)) {
    const extra = name === "notify" ? le32(registers.NOTIFY_MULTIPLIER) : [];
    const body = [16 + extra.length, type, 4, 0, 0, 0, ...le32(offset), ...le32(length), ...extra];
    config.addCapability(VENDOR_CAPABILITY, Uint8Array.from(body));
  }
  const access = config.addCapability(
    VENDOR_CAPABILITY,
    Uint8Array.from([20, registers.PCI_ACCESS_TYPE, 0, 0, 0, 0, ...le32(0), ...le32(0), ...le32(0)]),
  );
  config.allowWrites(access + 4, 1, 0xff);
  for (const field of [8, 12, 16]) config.allowWrites(access + field, 4, 0xffff_ffff);
  return access;
}
