/**
 * The host's API as an interface uses it: `ProtocolClient` with the binary channels sorted out. A console viewer gives
 * credits by `requestFrames`; serial credit is given as the listener returns.
 */
import { TypedEvent } from "../base/TypedEvent.ts";
import { type ConsoleFrame, decodeBinaryMessage, encodeSerialInput, type SerialOutput } from "./binaryMessage.ts";
import type { Endpoint } from "./Endpoint.ts";
import { type HostProtocol, hostProtocol } from "./hostProtocol.ts";
import { ProtocolClient } from "./ProtocolClient.ts";

/** A machine's picture, as it comes. Survives stops and starts of the machine. */
export interface ConsoleViewer {
  readonly channel: number;
  /** Grants the host `count` more frames, at most 16 at a time; one after each painted frame keeps the picture moving. */
  requestFrames(count: number): void;
  close(): void;
}

/** A machine's serial port. */
export interface SerialTerminal {
  readonly channel: number;
  write(bytes: Uint8Array): void;
  close(): void;
}

export class HostClient extends ProtocolClient<HostProtocol> {
  readonly #frames = new TypedEvent<ConsoleFrame>();
  readonly #serial = new TypedEvent<SerialOutput>();

  constructor(endpoint: Endpoint) {
    super(hostProtocol, endpoint);
    this.binary.subscribe((bytes) => this.#receiveBinary(bytes));
  }

  /** `frames` are asked for at once: the first comes a round trip earlier. */
  async openConsole(id: string, listener: (frame: ConsoleFrame) => void, frames = 0): Promise<ConsoleViewer> {
    let channel = -1;
    // Frames come from the engine's process, so after the answer that tells the channel.
    const subscription = this.#frames.subscribe((frame) => {
      if (frame.channel === channel) listener(frame);
    });
    try {
      channel = (await this.call("console.open", { id, deflate: false, frames })).channel;
    } catch (error) {
      subscription.dispose();
      throw error;
    }
    return {
      channel,
      requestFrames: (frames) => this.post("console.credit", { channel, frames }),
      close: () => {
        subscription.dispose();
        this.call("console.close", { channel }).catch(() => {});
      },
    };
  }

  async openSerial(id: string, port: number, listener: (output: SerialOutput) => void): Promise<SerialTerminal> {
    let channel = -1;
    const early: SerialOutput[] = [];
    const deliver = (output: SerialOutput): void => {
      if (output.channel !== channel) return;
      listener(output);
      this.post("serial.credit", { channel, bytes: output.bytes.length });
    };
    const subscription = this.#serial.subscribe((output) => {
      if (channel < 0) early.push(output);
      else deliver(output);
    });
    try {
      channel = (await this.call("serial.open", { id, port })).channel;
    } catch (error) {
      subscription.dispose();
      throw error;
    }
    for (const output of early) deliver(output);
    return {
      channel,
      write: (bytes) => this.sendBinary(encodeSerialInput(channel, bytes)),
      close: () => {
        subscription.dispose();
        this.call("serial.close", { channel }).catch(() => {});
      },
    };
  }

  #receiveBinary(bytes: Uint8Array): void {
    try {
      const message = decodeBinaryMessage(bytes);
      if (message.kind === "frame") this.#frames.emit(message);
      else if (message.kind === "serialOutput") this.#serial.emit(message);
      else throw new Error("serial input is for the host");
    } catch (error) {
      this.close(error instanceof Error ? error.message : "malformed binary message");
    }
  }
}
