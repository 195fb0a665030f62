/** The images and the memory of a machine that runs, by way of its engine process. One for each piece of work: it stays with the run that it began in. */
import type { ProtocolClient } from "../../api/ProtocolClient.ts";
import { GuesthouseError } from "../../base/GuesthouseError.ts";
import type { DiskFormatId, LongWork } from "../../contracts/DiskImage.ts";
import type { EngineSupervisor } from "../EngineSupervisor.ts";
import type { EngineProtocol } from "../engineProtocol.ts";
import type { LiveImages } from "./KeptMachine.ts";

export class EngineImages implements LiveImages {
  readonly #supervisor: EngineSupervisor;
  readonly #engine: ProtocolClient<EngineProtocol>;

  /** Throws "illegal-state" while the machine is off. */
  constructor(supervisor: EngineSupervisor) {
    this.#supervisor = supervisor;
    this.#engine = supervisor.engine;
  }

  /** A small PNG of the screen; undefined where there is no picture. */
  async thumbnail(): Promise<Uint8Array | undefined> {
    const { pngBase64 } = await this.#engine.call("thumbnail", {});
    return pngBase64 === null ? undefined : new Uint8Array(Buffer.from(pngBase64, "base64"));
  }

  async addOverlay(file: string, base: string): Promise<void> {
    await this.#engine.call("prepareOverlay", { file, backing: base });
  }

  async switching(label: string, commit: () => Promise<void>): Promise<void> {
    await this.#engine.call("holdState", { label, pause: false });
    try {
      await commit();
    } catch (error) {
      await this.abandon();
      throw error;
    }
    await this.#engine.call("releaseState", { overlays: true });
  }

  async saveState(name: string, parent: string | undefined, work: LongWork): Promise<void> {
    await this.#engine.call("holdState", { label: name, pause: true });
    await this.write(name, parent, work);
  }

  /** Writes the memory that is kept. Throws "cancelled", or why it cannot. */
  async write(name: string, parent: string | undefined, { onProgress, signal }: LongWork): Promise<void> {
    if (signal?.aborted === true) {
      await this.abandon();
      throw new GuesthouseError("cancelled", "Cancelled.");
    }
    const cancel = (): void => void this.#engine.call("cancelState", {}).catch(() => undefined);
    const forget = this.#engine.on("stateProgress", ({ fraction }) => onProgress?.(fraction));
    signal?.addEventListener("abort", cancel);
    try {
      await this.#supervisor.write(name, parent ?? null);
    } finally {
      signal?.removeEventListener("abort", cancel);
      forget.dispose();
    }
  }

  async join(upper: string, lower: string, format: DiskFormatId | undefined, work: LongWork): Promise<void> {
    const { onProgress, signal } = work;
    const cancel = (): void => void this.#engine.call("cancelJoin", {}).catch(() => undefined);
    const forget = this.#engine.on("joinProgress", ({ fraction }) => onProgress?.(fraction));
    signal?.addEventListener("abort", cancel);
    try {
      await this.#engine.call("joinLayers", { file: upper, into: lower, format: format ?? null });
    } finally {
      signal?.removeEventListener("abort", cancel);
      forget.dispose();
    }
  }

  async concluding(commit: () => Promise<void>): Promise<void> {
    await this.#engine.call("holdJoin", {});
    await commit();
    await this.#engine.call("releaseJoin", { joined: true });
  }

  async leaveJoin(): Promise<void> {
    await this.#engine.call("releaseJoin", { joined: false }).catch(() => undefined);
  }

  async rebase(file: string, backing: string): Promise<void> {
    await this.#engine.call("rebaseLayer", { file, backing });
  }

  async letGo(file: string): Promise<void> {
    await this.#engine.call("letGo", { file }).catch((error: unknown) => {
      // A machine that has ended uses no files.
      const ended = error instanceof GuesthouseError && ["connection-closed", "illegal-state"].includes(error.kind);
      if (!ended) throw error;
    });
  }

  /** An engine that is gone has nothing to give up. */
  async abandon(): Promise<void> {
    await this.#engine.call("releaseState", { overlays: false }).catch(() => undefined);
  }
}
