/**
 * An NVM Express 1.4 controller with one namespace, PCI function 1B36:0010: registers and doorbells at BAR 0, the MSI-X table at BAR 4, an
 * admin queue and four pairs of I/O queues. Commands of all queues run at a time. Commands under way are saved as they were submitted
 * and begun anew by a load, because the guest's memory still holds their data.
 * Absent: scatter-gather lists, controller memory, arbitration other than round robin, asynchronous events.
 */
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { StateReader } from "../../base/StateReader.ts";
import type { StateWriter } from "../../base/StateWriter.ts";
import type { Device, ResetKind } from "../../contracts/Device.ts";
import type { IoHandler, IoWidth } from "../../contracts/IoHandler.ts";
import type { IrqLine } from "../../contracts/IrqLine.ts";
import type { MessageSink } from "../../contracts/MessageSink.ts";
import type { PciFunction } from "../../contracts/PciFunction.ts";
import type { PhysicalMemory } from "../../contracts/PhysicalMemory.ts";
import type { BlockTarget } from "../block/moveBlocks.ts";
import { MSIX_WINDOW_BYTES, Msix } from "../pci/Msix.ts";
import { PciConfigSpace } from "../pci/PciConfigSpace.ts";
import { FEATURES, NvmeAdmin } from "./NvmeAdmin.ts";
import type { NvmeCommand } from "./NvmeCommand.ts";
import { NvmeNamespace } from "./NvmeNamespace.ts";
import { type CompletionQueue, NvmeQueues } from "./NvmeQueues.ts";
import type { NvmeIdentity } from "./nvmeIdentify.ts";
import * as nvme from "./nvmeRegisters.ts";

const VENDOR = 0x1b36;
const DEVICE = 0x0010;
const VECTORS = nvme.IO_QUEUES + 1;
const HIGH = 2 ** 32;

export interface NvmeControllerOptions {
  readonly id: string;
  readonly target: BlockTarget;
  readonly identity: NvmeIdentity;
  readonly memory: PhysicalMemory;
  /** INTA#. */
  readonly irq: IrqLine;
  readonly messages: MessageSink;
  readonly onRegistersMoved: (address: number | undefined) => void;
  readonly onMsixMoved: (address: number | undefined) => void;
}

export class NvmeController implements Device, PciFunction {
  readonly id: string;
  readonly stateVersion = 1;
  readonly msix: Msix;
  readonly #config: PciConfigSpace;
  readonly #irq: IrqLine;
  readonly #queues: NvmeQueues;
  readonly #namespace: NvmeNamespace;
  readonly #admin: NvmeAdmin;
  /** AQA, ASQ, ACQ, as dwords from 24h on. */
  readonly #adminRegisters = new Uint32Array(5);
  #masked = 0;
  #configuration = 0;
  #status = 0;
  #fetching = false;

  constructor(options: NvmeControllerOptions) {
    this.id = options.id;
    this.#irq = options.irq;
    this.#config = new PciConfigSpace({
      id: options.id,
      vendorId: VENDOR,
      deviceId: DEVICE,
      revision: 2,
      classCode: 0x010802,
      subsystemVendorId: 0x1af4,
      subsystemId: 0x1100,
      interruptPin: 1,
      commandMask: 0x0406,
      bars: [
        { index: 0, kind: "memory", sizeBytes: nvme.NVME_WINDOW_BYTES, wide: true, onChange: options.onRegistersMoved },
        { index: 4, kind: "memory", sizeBytes: MSIX_WINDOW_BYTES, onChange: options.onMsixMoved },
      ],
    });
    this.msix = new Msix({ config: this.#config, vectors: VECTORS, bar: 4, sink: options.messages });
    this.#config.onWrite = (offset) => this.#configWritten(offset);
    this.#queues = new NvmeQueues(options.memory, (queue) => this.#posted(queue));
    this.#namespace = new NvmeNamespace(options.target, options.memory);
    this.#admin = new NvmeAdmin({
      memory: options.memory,
      queues: this.#queues,
      namespace: this.#namespace,
      identity: options.identity,
      vendorId: VENDOR,
      vectors: VECTORS,
    });
  }

  readonly registers: IoHandler = {
    read: (offset: number, width: IoWidth): number => {
      const value = this.#read(offset & ~3);
      return width === 4 ? value >>> 0 : (value >>> (8 * (offset & 3))) & (width === 2 ? 0xffff : 0xff);
    },
    write: (offset: number, value: number, width: IoWidth): void => {
      if (offset >= nvme.DOORBELLS) this.#ring(offset, value);
      else if (width === 4) this.#write(offset, value >>> 0);
    },
  };

  readConfig(offset: number, width: 1 | 2 | 4): number {
    return this.#config.readConfig(offset, width);
  }

  writeConfig(offset: number, value: number, width: 1 | 2 | 4): void {
    this.#config.writeConfig(offset, value, width);
  }

  #read(offset: number): number {
    switch (offset) {
      case nvme.register.CAP:
        return nvme.CAP_LOW;
      case nvme.register.CAP_HIGH:
        return nvme.CAP_HIGH;
      case nvme.register.VS:
        return nvme.VERSION_1_4;
      case nvme.register.INTMS:
      case nvme.register.INTMC:
        return this.#masked;
      case nvme.register.CC:
        return this.#configuration;
      case nvme.register.CSTS:
        return this.#status;
      default:
        return this.#adminRegisters[(offset - nvme.register.AQA) / 4] ?? 0;
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case nvme.register.INTMS:
        this.#masked |= value;
        return this.#driveLine();
      case nvme.register.INTMC:
        this.#masked &= ~value;
        return this.#driveLine();
      case nvme.register.CC:
        return this.#configure(value & nvme.CC_WRITABLE);
      default: {
        const index = (offset - nvme.register.AQA) / 4;
        if (Number.isInteger(index) && index >= 0 && index < 5) this.#adminRegisters[index] = value;
      }
    }
  }

  #configure(value: number): void {
    const before = this.#configuration;
    this.#configuration = value;
    if ((value & nvme.CC_EN) === 0) {
      if ((before & nvme.CC_EN) !== 0) this.#resetController();
    } else if ((before & nvme.CC_EN) === 0) this.#enable();
    const shutdown = (value >> 14) & 3;
    if (shutdown !== 0 && ((before >> 14) & 3) === 0) this.#shutDown();
  }

  #enable(): void {
    const [attributes = 0, sqLow = 0, sqHigh = 0, cqLow = 0, cqHigh = 0] = this.#adminRegisters;
    const submissionSize = (attributes & 0xfff) + 1;
    const completionSize = ((attributes >>> 16) & 0xfff) + 1;
    // 4 KiB pages and the NVM command set are all there is.
    const isPossible = (this.#configuration & 0x7f0) === 0 && submissionSize >= 2 && completionSize >= 2;
    const fits = submissionSize <= nvme.QUEUE_ENTRIES_MAX && completionSize <= nvme.QUEUE_ENTRIES_MAX;
    if (!isPossible || !fits) {
      this.#status |= nvme.CSTS_CFS;
      return;
    }
    // Queues begin on a page.
    const address = (low: number, high: number) => (high & 0x1f_ffff) * HIGH + (low - (low % nvme.PAGE_BYTES));
    this.#queues.submissions.set(0, {
      address: address(sqLow, sqHigh),
      size: submissionSize,
      completionQueue: 0,
      head: 0,
      tail: 0,
    });
    this.#queues.completions.set(0, {
      address: address(cqLow, cqHigh),
      size: completionSize,
      vector: 0,
      interrupts: true,
      head: 0,
      tail: 0,
      phase: 1,
    });
    this.#status = nvme.CSTS_RDY;
  }

  #shutDown(): void {
    this.#status = (this.#status & ~nvme.CSTS_SHST) | nvme.CSTS_SHUTTING_DOWN;
    this.#namespace.flush(() => {
      this.#status = (this.#status & ~nvme.CSTS_SHST) | nvme.CSTS_SHUT_DOWN;
    });
  }

  /** What clearing CC.EN does: admin queue registers stay. */
  #resetController(): void {
    this.#queues.clear();
    this.#namespace.abandon();
    this.#admin.reset();
    this.#status = 0;
    this.#masked = 0;
    this.#driveLine();
  }

  /** Doorbells alternate: the tail of a submission queue, the head of the completion queue of the same number. */
  #ring(offset: number, value: number): void {
    const doorbell = (offset - nvme.DOORBELLS) / 4;
    if (!Number.isInteger(doorbell) || (this.#status & nvme.CSTS_RDY) === 0) return;
    const identifier = doorbell >> 1;
    const isHead = (doorbell & 1) !== 0;
    const queue = (isHead ? this.#queues.completions : this.#queues.submissions).get(identifier);
    if (queue === undefined || (value & 0xffff) >= queue.size) return;
    if (isHead) {
      queue.head = value & 0xffff;
      this.#queues.postWaiting();
      this.#driveLine();
    } else {
      queue.tail = value & 0xffff;
      this.#fetch(identifier);
    }
  }

  #fetch(identifier: number): void {
    // Data that goes to the doorbells must not start this once more.
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      for (let left = nvme.QUEUE_ENTRIES_MAX; left > 0; left--) {
        const command = this.#queues.fetch(identifier);
        if (command === undefined) break;
        this.#execute(command);
      }
    } finally {
      this.#fetching = false;
    }
  }

  #execute(command: NvmeCommand): void {
    if (command.queue !== 0) {
      this.#namespace.execute(command, (result) => this.#complete(command, result, 0));
      return;
    }
    const answer = this.#admin.execute(command);
    if (answer !== undefined) this.#complete(command, answer.status, answer.result ?? 0);
  }

  #complete(command: NvmeCommand, result: number, dword: number): void {
    this.#queues.complete(command, result === nvme.status.success ? result : result | nvme.DO_NOT_RETRY, dword);
  }

  #posted(queue: CompletionQueue): void {
    if (!queue.interrupts) return;
    if (this.msix.enabled) this.msix.raise(queue.vector);
    else this.#driveLine();
  }

  /** Without messages INTA# stands while a queue holds entries that the driver has not seen. */
  #driveLine(): void {
    let pending = false;
    for (const { interrupts, head, tail, vector } of this.#queues.completions.values()) {
      if (interrupts && head !== tail && (this.#masked & (1 << vector)) === 0) pending = true;
    }
    this.#irq.set(pending && !this.msix.enabled && this.#config.interruptEnabled);
  }

  #configWritten(offset: number): void {
    if (offset >= 0x40) this.msix.configWritten();
    this.#driveLine();
  }

  reset(kind: ResetKind): void {
    void kind;
    this.#configuration = 0;
    this.#adminRegisters.fill(0);
    this.#config.reset();
    this.msix.reset();
    this.#resetController();
  }

  save(writer: StateWriter): void {
    this.#config.save(writer);
    this.msix.save(writer);
    writer
      .u32(this.#masked >>> 0)
      .u32(this.#configuration)
      .u32(this.#status);
    for (const dword of [...this.#adminRegisters, ...this.#admin.features]) writer.u32(dword);
    this.#queues.save(writer);
  }

  load(reader: StateReader): void {
    const config = this.#config.readState(reader);
    const loadMsix = this.msix.prepareLoad(reader);
    const [masked, configuration, status] = [reader.u32(), reader.u32(), reader.u32()];
    const adminRegisters = Array.from(this.#adminRegisters, () => reader.u32());
    const features = Array.from({ length: FEATURES }, () => reader.u32());
    const loadQueues = this.#queues.prepareLoad(reader);
    if ((status & ~(nvme.CSTS_RDY | nvme.CSTS_CFS | nvme.CSTS_SHST)) !== 0) {
      throw new GuesthouseError("state-invalid", "The saved state of an NVMe controller is damaged.", { status });
    }
    this.#namespace.abandon();
    this.#config.apply(config);
    loadMsix();
    loadQueues();
    this.#masked = masked;
    this.#configuration = configuration;
    this.#status = status;
    this.#adminRegisters.set(adminRegisters);
    this.#admin.features.set(features);
    this.#admin.apply();
    this.#driveLine();
    this.#resumeCommands();
  }

  /** Not within the load: the rest of the machine may not be there yet. */
  #resumeCommands(): void {
    const commands = this.#queues.inFlight.slice();
    void Promise.resolve().then(() => {
      for (const command of commands) if (this.#queues.inFlight.includes(command)) this.#execute(command);
      if ((this.#status & nvme.CSTS_SHST) === nvme.CSTS_SHUTTING_DOWN) this.#shutDown();
    });
  }
}
