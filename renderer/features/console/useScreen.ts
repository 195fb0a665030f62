/**
 * Connects a canvas to a machine's picture. Frames are painted when the browser paints and paid for with one credit each, so
 * a hidden or slow page simply asks for less and the machine never waits for it.
 */
import { type RefObject, useEffect, useRef, useState } from "react";
import type { ConsoleFrame } from "../../../engine/api/binaryMessage.ts";
import type { ConsoleViewer } from "../../../engine/api/HostClient.ts";
import { useHost } from "../../state/AppContext.tsx";
import { FrameSurface, type ScreenSize } from "./FrameSurface.ts";

export interface ScreenOptions {
  /** The least time between two frames; 0 follows the display. */
  intervalMs: number;
  enabled: boolean;
}

export interface Screen {
  canvasRef: RefObject<HTMLCanvasElement | null>;
  /** Undefined until the first frame came. */
  size: ScreenSize | undefined;
  /** Frames painted so far, for the figures of the display light. */
  framesPainted: RefObject<number>;
}

/** Frames under way at once: one being painted while the next one travels. */
const WINDOW = 2;

export function useScreen(id: string, { intervalMs, enabled }: ScreenOptions): Screen {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const framesPainted = useRef(0);
  const client = useHost((state) => state.client);
  const [size, setSize] = useState<ScreenSize>();

  useEffect(() => {
    const canvas = canvasRef.current;
    if (client === undefined || canvas === null || !enabled) return;
    const surface = new FrameSurface(canvas);
    const waiting: ConsoleFrame[] = [];
    let viewer: ConsoleViewer | undefined;
    let scheduled = false;
    let disposed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const paint = () => {
      scheduled = false;
      if (disposed) return;
      const frames = waiting.splice(0);
      for (const frame of frames) {
        const resized = surface.paint(frame);
        if (resized !== undefined) setSize(resized);
      }
      framesPainted.current += frames.length;
      const pay = () => viewer?.requestFrames(frames.length);
      if (intervalMs === 0) pay();
      else timer = setTimeout(pay, intervalMs);
    };
    const open = async () => {
      const receive = (frame: ConsoleFrame) => {
        waiting.push(frame);
        if (scheduled) return;
        scheduled = true;
        requestAnimationFrame(paint);
      };
      const opened = await client.openConsole(id, receive, intervalMs === 0 ? WINDOW : 1);
      if (disposed) return opened.close();
      viewer = opened;
    };
    // A lost connection ends this effect and begins it again with the next client.
    open().catch(() => {});
    return () => {
      disposed = true;
      clearTimeout(timer);
      viewer?.close();
    };
  }, [client, id, enabled, intervalMs]);

  return { canvasRef, size, framesPainted };
}
