/**
 * The ports of a legacy virtio device (virtio 1.1, 4.1.4.8): one page number places the three parts of a queue, which then counts as enabled.
 * The queue size cannot be changed.
 */
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import { readField } from "./ModernRegisters.ts";
import type { VirtioPci } from "./VirtioPci.ts";
import { LEGACY_PAGE_BYTES, legacy } from "./virtioRegisters.ts";

export class LegacyRegisters implements IoHandler {
  readonly #device: VirtioPci;

  constructor(device: VirtioPci) {
    this.#device = device;
  }

  get #fieldsAt(): number {
    return this.#device.msix.enabled ? 0x18 : 0x14;
  }

  read(offset: number, width: IoWidth): number {
    if (offset >= this.#fieldsAt) return readField(this.#device.function.configuration, offset - this.#fieldsAt, width);
    const value = this.#readRegister(offset);
    return width === 4 ? value >>> 0 : value & (width === 2 ? 0xffff : 0xff);
  }

  #readRegister(offset: number): number {
    const device = this.#device;
    switch (offset) {
      case legacy.deviceFeatures:
        return device.deviceFeatures[0];
      case legacy.driverFeatures:
        return device.driverFeatures[0];
      case legacy.queueAddress:
        return Math.floor((device.queue?.descriptors ?? 0) / LEGACY_PAGE_BYTES);
      case legacy.queueSize:
        return device.queue?.maximumSize ?? 0;
      case legacy.queueSelect:
        return device.selectedQueue;
      case legacy.deviceStatus:
        return device.status;
      case legacy.isr:
        return device.readIsr();
      case legacy.configurationVector:
        return device.configurationVector;
      case legacy.queueVector:
        return device.queue?.vector ?? 0xffff;
      default:
        return 0;
    }
  }

  write(offset: number, value: number, width: IoWidth): void {
    const device = this.#device;
    if (offset >= this.#fieldsAt) {
      device.function.configurationWritten?.(offset - this.#fieldsAt, value, width);
      return;
    }
    switch (offset) {
      case legacy.driverFeatures:
        device.driverFeatures[0] = value >>> 0;
        return;
      case legacy.queueAddress:
        this.#placeQueue(value);
        return;
      case legacy.queueSelect:
        device.selectedQueue = value & 0xffff;
        return;
      case legacy.queueNotify:
        device.notify(value & 0xffff);
        return;
      case legacy.deviceStatus:
        device.status = value & 0xff;
        return;
      case legacy.configurationVector:
        device.configurationVector = device.usableVector(value & 0xffff);
        return;
      case legacy.queueVector:
        if (device.queue !== undefined) device.queue.vector = device.usableVector(value & 0xffff);
        return;
    }
  }

  /** Page 0 takes the queue back. */
  #placeQueue(page: number): void {
    const { queue } = this.#device;
    if (queue === undefined) return;
    const { vector } = queue;
    queue.reset();
    queue.vector = vector;
    if (page === 0) return;
    queue.descriptors = (page >>> 0) * LEGACY_PAGE_BYTES;
    queue.available = queue.descriptors + 16 * queue.size;
    const end = queue.available + 6 + 2 * queue.size;
    queue.used = Math.ceil(end / LEGACY_PAGE_BYTES) * LEGACY_PAGE_BYTES;
    queue.enabled = true;
  }
}
