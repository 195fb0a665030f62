/**
 * Gives keyboard and pointer of a console to its guest and takes them back. The keyboard is captured while the screen has the focus
 * and was clicked; the pointer is captured by the browser's Pointer Lock. Both are let go by the host key, by losing the focus and
 * by the machine's stop.
 */
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { useServices } from "../../state/AppContext.tsx";
import { InputQueue } from "./InputQueue.ts";
import { type HostCommand, KeyboardCapture } from "./KeyboardCapture.ts";

export interface ConsoleInput {
  keyboardCaptured: boolean;
  pointerCaptured: boolean;
  /** Takes the keyboard, and the pointer too when asked; explains the way out the first time. */
  capture: (withPointer: boolean) => void;
  release: () => void;
  /** Presses keys together and releases them, as for Ctrl+Alt+Del. */
  press: (usages: readonly number[]) => void;
}

const ESCAPE = 0x29;

interface ConsoleInputOptions {
  id: string;
  stageRef: RefObject<HTMLElement | null>;
  /** Guest pixels are this many CSS pixels wide; motion is scaled by it. */
  cssScale: number;
  enabled: boolean;
  onCommand: (command: HostCommand) => void;
}

export function useConsoleInput({ id, stageRef, cssScale, enabled, onCommand }: ConsoleInputOptions): ConsoleInput {
  const { session, shell, preferences } = useServices();
  const [keyboardCaptured, setKeyboardCaptured] = useState(false);
  const [pointerCaptured, setPointerCaptured] = useState(false);
  const commandRef = useRef(onCommand);
  commandRef.current = onCommand;
  const scaleRef = useRef(cssScale);
  scaleRef.current = cssScale;
  const captureRef = useRef<KeyboardCapture>(undefined);
  const queueRef = useRef<InputQueue>(undefined);

  useEffect(() => {
    const stage = stageRef.current;
    if (stage === null || !enabled) return;
    const queue = new InputQueue({
      send: (events) => session.post("console.input", { id, events }),
      nextFrame: (run) => void requestAnimationFrame(run),
    });
    const keyboard = new KeyboardCapture({
      key: (usage, pressed) => queue.key(usage, pressed),
      command: (command) => commandRef.current(command),
      captured: (captured) => {
        setKeyboardCaptured(captured);
        if (!captured && document.pointerLockElement === stage) document.exitPointerLock();
      },
    });
    captureRef.current = keyboard;
    queueRef.current = queue;
    const detachKeys = attachKeys(stage, keyboard);
    const detachPointer = attachPointer(stage, queue, keyboard, scaleRef, setPointerCaptured);
    return () => {
      detachKeys();
      detachPointer();
      keyboard.capture(false);
      captureRef.current = undefined;
      queueRef.current = undefined;
    };
  }, [session, id, stageRef, enabled]);

  const capture = useCallback(
    (withPointer: boolean) => {
      const stage = stageRef.current;
      if (stage === null || captureRef.current === undefined) return;
      const take = () => {
        stage.focus();
        captureRef.current?.capture(true);
        if (withPointer) void lockPointer(stage);
      };
      if (preferences.getState().captureExplained) return take();
      shell.open({
        kind: "captureHelp",
        proceed: () => {
          preferences.setState({ captureExplained: true });
          take();
        },
      });
    },
    [stageRef, shell, preferences],
  );
  const release = useCallback(() => captureRef.current?.capture(false), []);
  const press = useCallback((usages: readonly number[]) => {
    for (const usage of usages) queueRef.current?.key(usage, true);
    for (const usage of [...usages].reverse()) queueRef.current?.key(usage, false);
  }, []);
  return { keyboardCaptured, pointerCaptured, capture, release, press };
}

/** Some browsers refuse for a second after the last release; the keyboard works all the same. */
async function lockPointer(stage: HTMLElement): Promise<void> {
  try {
    await stage.requestPointerLock();
  } catch {
    // The next click asks again.
  }
}

function attachKeys(stage: HTMLElement, keyboard: KeyboardCapture): () => void {
  const onKey = (event: KeyboardEvent) => {
    const used = event.type === "keydown" ? keyboard.keyDown(event.code, event.repeat) : keyboard.keyUp(event.code);
    if (!used) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onBlur = () => keyboard.blur();
  stage.addEventListener("keydown", onKey);
  stage.addEventListener("keyup", onKey);
  stage.addEventListener("blur", onBlur);
  addEventListener("blur", onBlur);
  return () => {
    stage.removeEventListener("keydown", onKey);
    stage.removeEventListener("keyup", onKey);
    stage.removeEventListener("blur", onBlur);
    removeEventListener("blur", onBlur);
  };
}

function attachPointer(
  stage: HTMLElement,
  queue: InputQueue,
  keyboard: KeyboardCapture,
  scale: RefObject<number>,
  setCaptured: (captured: boolean) => void,
): () => void {
  let heldButtons = 0;
  let lastEscapeMs = Number.NEGATIVE_INFINITY;
  let wasLocked = false;
  const locked = () => document.pointerLockElement === stage;
  const onMove = (event: MouseEvent) => {
    if (locked()) queue.move(event.movementX / scale.current, event.movementY / scale.current, 0);
  };
  const onButton = (event: MouseEvent) => {
    if (!locked() || event.buttons === heldButtons) return;
    heldButtons = event.buttons;
    queue.buttons(heldButtons);
    event.preventDefault();
  };
  const onWheel = (event: WheelEvent) => {
    if (!locked()) return;
    event.preventDefault();
    queue.move(0, 0, Math.sign(event.deltaY));
  };
  const onEscape = (event: KeyboardEvent) => {
    if (event.code === "Escape") lastEscapeMs = performance.now();
  };
  const onLockChange = () => {
    setCaptured(locked());
    const lost = wasLocked && !locked();
    wasLocked = locked();
    if (!lost) return;
    if (heldButtons !== 0) queue.buttons(0);
    heldButtons = 0;
    // A browser that takes Escape for itself to end the lock owes the guest that key.
    const taken = keyboard.isCaptured && document.hasFocus() && performance.now() - lastEscapeMs > 200;
    if (taken) {
      queue.key(ESCAPE, true);
      queue.key(ESCAPE, false);
    }
  };
  stage.addEventListener("mousemove", onMove);
  stage.addEventListener("mousedown", onButton);
  stage.addEventListener("mouseup", onButton);
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("keydown", onEscape, true);
  document.addEventListener("pointerlockchange", onLockChange);
  return () => {
    stage.removeEventListener("mousemove", onMove);
    stage.removeEventListener("mousedown", onButton);
    stage.removeEventListener("mouseup", onButton);
    stage.removeEventListener("wheel", onWheel);
    stage.removeEventListener("keydown", onEscape, true);
    document.removeEventListener("pointerlockchange", onLockChange);
    if (locked()) document.exitPointerLock();
  };
}
