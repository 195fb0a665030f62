/**
 * A machine's console viewers on the host's side. Viewers outlive runs: while no engine runs they see a blank frame (0 x 0),
 * and when one comes they are announced to it with the credits they hold. Frames pass through unchanged.
 */
import { encodeConsoleFrame } from "../api/binaryMessage.ts";
import type { ProtocolClient } from "../api/ProtocolClient.ts";
import type { EngineProtocol } from "./engineProtocol.ts";

const CREDITS_MAX = 16;

interface Viewer {
  readonly deflate: boolean;
  readonly send: (frame: Uint8Array) => void;
  credits: number;
  /** The engine knows of this viewer; before, credits are only counted. */
  joined: boolean;
}

export class ConsoleRelay {
  readonly #viewers = new Map<number, Viewer>();
  #engine: ProtocolClient<EngineProtocol> | undefined;

  open(channel: number, deflate: boolean, send: (frame: Uint8Array) => void): void {
    this.#viewers.set(channel, { deflate, send, credits: 0, joined: false });
    if (this.#engine !== undefined) this.#join(this.#engine, channel);
    else send(blankFrame(channel));
  }

  close(channel: number): void {
    this.#viewers.delete(channel);
    this.#engine?.call("consoleClose", { channel }).catch(() => {});
  }

  credit(channel: number, frames: number): void {
    const viewer = this.#viewers.get(channel);
    if (viewer === undefined) return;
    viewer.credits = Math.min(CREDITS_MAX, viewer.credits + frames);
    if (viewer.joined) this.#engine?.post("consoleCredit", { channel, frames });
  }

  frame(channel: number, bytes: Uint8Array): void {
    const viewer = this.#viewers.get(channel);
    if (viewer === undefined) return;
    viewer.credits = Math.max(0, viewer.credits - 1);
    viewer.send(bytes);
  }

  /** A booted engine, or none any more. */
  attach(engine: ProtocolClient<EngineProtocol> | undefined): void {
    this.#engine = engine;
    for (const [channel, viewer] of this.#viewers) {
      viewer.joined = false;
      if (engine === undefined) viewer.send(blankFrame(channel));
      else this.#join(engine, channel);
    }
  }

  #join(engine: ProtocolClient<EngineProtocol>, channel: number): void {
    const viewer = this.#viewers.get(channel);
    if (viewer === undefined) return;
    engine
      .call("consoleOpen", { channel, deflate: viewer.deflate })
      .then(() => {
        if (engine !== this.#engine) return;
        viewer.joined = true;
        if (viewer.credits > 0) engine.post("consoleCredit", { channel, frames: viewer.credits });
      })
      // The engine stopped meanwhile; the next one is told anew.
      .catch(() => {});
  }
}

/** What a viewer sees of a machine that is off. */
function blankFrame(channel: number): Uint8Array {
  const pixels = new Uint8Array(0);
  const size = { width: 0, height: 0, mode: "text", rects: [] } as const;
  return encodeConsoleFrame({ channel, ...size, deflated: false, pixelBytes: 0, pixels });
}
