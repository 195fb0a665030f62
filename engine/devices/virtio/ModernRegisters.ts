/** The structures of a modern virtio device in memory (virtio 1.1, 4.1.4): common configuration, ISR, device fields, notification. */
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { VirtioPci } from "./VirtioPci.ts";
import type { Virtqueue } from "./Virtqueue.ts";
import { common, modernLayout, NOTIFY_MULTIPLIER } from "./virtioRegisters.ts";

type Address = "descriptors" | "available" | "used";
const HIGH = 2 ** 32;

export class ModernRegisters implements IoHandler {
  readonly #device: VirtioPci;

  constructor(device: VirtioPci) {
    this.#device = device;
  }

  read(offset: number, width: IoWidth): number {
    if (offset < modernLayout.isr.offset) return this.#readCommon(offset, width);
    if (offset === modernLayout.isr.offset) return this.#device.readIsr();
    if (offset < modernLayout.device.offset || offset >= modernLayout.notify.offset) return 0;
    return readField(this.#device.function.configuration, offset - modernLayout.device.offset, width);
  }

  write(offset: number, value: number, width: IoWidth): void {
    if (offset < modernLayout.isr.offset) this.#writeCommon(offset, value, width);
    else if (offset >= modernLayout.notify.offset) {
      this.#device.notify((offset - modernLayout.notify.offset) / NOTIFY_MULTIPLIER);
    } else if (offset >= modernLayout.device.offset) {
      this.#device.function.configurationWritten?.(offset - modernLayout.device.offset, value, width);
    }
  }

  /** Fields are read in their own width; a wider read sees the neighbours too. */
  #readCommon(offset: number, width: IoWidth): number {
    let value = 0;
    for (let index = 0; index < width; index++) value |= this.#commonByte(offset + index) << (8 * index);
    return value >>> 0;
  }

  #commonByte(offset: number): number {
    const field =
      offset < 0x10 || offset >= 0x20 ? offset & ~3 : offset === 0x14 || offset === 0x15 ? offset : offset & ~1;
    return (this.#commonField(field) >>> (8 * (offset - field))) & 0xff;
  }

  #commonField(offset: number): number {
    const device = this.#device;
    const { queue } = device;
    switch (offset) {
      case common.deviceFeatureSelect:
        return device.featureSelects[0]!;
      case common.deviceFeature:
        return device.deviceFeatures[device.featureSelects[0]!] ?? 0;
      case common.driverFeatureSelect:
        return device.featureSelects[1]!;
      case common.driverFeature:
        return device.driverFeatures[device.featureSelects[1]!] ?? 0;
      case common.configurationVector:
        return device.configurationVector;
      case common.queueCount:
        return device.queues.length;
      case common.deviceStatus:
        return device.status;
      case common.configurationGeneration:
        return device.configurationGeneration;
      case common.queueSelect:
        return device.selectedQueue;
      default:
        return queue === undefined ? 0 : this.#queueField(queue, offset);
    }
  }

  #queueField(queue: Virtqueue, offset: number): number {
    switch (offset) {
      case common.queueSize:
        return queue.size;
      case common.queueVector:
        return queue.vector;
      case common.queueEnable:
        return queue.enabled ? 1 : 0;
      case common.queueNotifyOffset:
        return this.#device.selectedQueue;
      default: {
        const address = addressAt(offset & ~7);
        if (address === undefined) return 0;
        return (offset & 4) === 0 ? queue[address] % HIGH : Math.floor(queue[address] / HIGH);
      }
    }
  }

  #writeCommon(offset: number, value: number, width: IoWidth): void {
    const device = this.#device;
    switch (offset) {
      case common.deviceFeatureSelect:
        device.featureSelects[0] = value;
        return;
      case common.driverFeatureSelect:
        device.featureSelects[1] = value;
        return;
      case common.driverFeature:
        if (device.featureSelects[1]! < 2) device.driverFeatures[device.featureSelects[1] as 0 | 1] = value >>> 0;
        return;
      case common.configurationVector:
        device.configurationVector = device.usableVector(value & 0xffff);
        return;
      case common.deviceStatus:
        device.status = value & 0xff;
        return;
      case common.queueSelect:
        device.selectedQueue = value & 0xffff;
        return;
      default:
        if (device.queue !== undefined) this.#writeQueue(device.queue, offset, value, width);
    }
  }

  #writeQueue(queue: Virtqueue, offset: number, value: number, width: IoWidth): void {
    if (offset === common.queueVector) queue.vector = this.#device.usableVector(value & 0xffff);
    // The rest is fixed once the queue is enabled.
    if (queue.enabled) return;
    if (offset === common.queueSize && queue.mayHaveSize(value & 0xffff)) queue.size = value & 0xffff;
    else if (offset === common.queueEnable) queue.enabled = (value & 1) !== 0;
    const address = addressAt(offset & ~7);
    if (address === undefined || width !== 4 || (offset & 3) !== 0) return;
    // Above 2^53 nothing can be counted exactly, and nothing is there.
    const high = (offset & 4) === 0 ? Math.floor(queue[address] / HIGH) : value & 0x1f_ffff;
    const low = (offset & 4) === 0 ? value : queue[address] % HIGH;
    queue[address] = high * HIGH + low;
  }
}

function addressAt(offset: number): Address | undefined {
  if (offset === common.queueDescriptors) return "descriptors";
  if (offset === common.queueAvailable) return "available";
  return offset === common.queueUsed ? "used" : undefined;
}

/** Little-endian; bytes past the end read as zeros. */
export function readField(fields: Uint8Array, offset: number, width: IoWidth): number {
  let value = 0;
  for (let index = 0; index < width; index++) value |= (fields[offset + index] ?? 0) << (8 * index);
  return value >>> 0;
}
