/** What the menus of a console and the host key combinations do, beyond what one can do with any machine. */

import type { TFunction } from "i18next";
import { Camera, ClipboardCopy, Keyboard, Maximize, Scaling, TextCursorInput } from "lucide-react";
import { type RefObject, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../../engine/api/commandLegality.ts";
import { isLive } from "../../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, usePreference, useServices } from "../../state/AppContext.tsx";
import type { HostSession } from "../../state/HostSession.ts";
import type { Shell } from "../../state/shellState.ts";
import { type MachineActions, useMachineActions } from "../../state/useMachineActions.tsx";
import type { MenuAction } from "../../ui/Menu.tsx";
import { hidUsages } from "./hidUsages.ts";
import type { HostCommand } from "./KeyboardCapture.ts";
import type { ScaleMode } from "./placeScreen.ts";
import { savePng } from "./savePng.ts";

export interface ConsoleActions {
  machine: MachineActions;
  fullScreen: MenuAction;
  scaled: MenuAction;
  scaleModes: MenuAction[];
  screenshot: MenuAction;
  copyText: MenuAction;
  ctrlAltDelete: MenuAction;
  typeText: MenuAction;
  close: MenuAction;
  run: (command: HostCommand) => void;
}

const scaleModes: readonly ScaleMode[] = ["whole", "actual", "scaled"];
const CTRL_ALT_DELETE = [hidUsages.ControlLeft ?? 0, hidUsages.AltLeft ?? 0, hidUsages.Delete ?? 0];

type Built = Omit<ConsoleActions, "run">;

interface ConsoleContext {
  readonly machine: MachineSummary;
  readonly t: TFunction;
  readonly shell: Shell;
  readonly session: HostSession;
  readonly attempt: ReturnType<typeof useAttempt>;
  /** A host key combination in words. */
  readonly host: (key: string) => string;
}

function viewActions(
  { t, attempt, host }: ConsoleContext,
  rootRef: RefObject<HTMLElement | null>,
  scaleMode: ScaleMode,
  setScaleMode: (mode: ScaleMode) => void,
): Pick<Built, "fullScreen" | "scaled" | "scaleModes"> {
  const toggleFullScreen = async () => {
    if (document.fullscreenElement !== null) return document.exitFullscreen();
    await rootRef.current?.requestFullscreen();
    await lockKeyboard();
  };
  return {
    fullScreen: {
      kind: "action",
      id: "fullScreen",
      label: t("console.fullScreen"),
      icon: <Maximize size={16} />,
      keys: host("F"),
      run: () => void attempt(t("failure.fullScreen"), toggleFullScreen),
    },
    scaled: {
      kind: "action",
      id: "toggleScaled",
      label: t("console.toggleScaled"),
      icon: <Scaling size={16} />,
      keys: host("C"),
      run: () => setScaleMode(scaleMode === "scaled" ? "whole" : "scaled"),
    },
    scaleModes: scaleModes.map((mode) => ({
      kind: "action",
      id: `scale-${mode}`,
      label: t(`scaleMode.${mode}`),
      mark: scaleMode === mode ? "dot" : undefined,
      keys: mode === "scaled" ? host("C") : undefined,
      run: () => setScaleMode(mode),
    })),
  };
}

function pictureActions({
  machine,
  t,
  shell,
  session,
  attempt,
  host,
}: ConsoleContext): Pick<Built, "screenshot" | "copyText"> {
  const { id, name, state } = machine;
  const takeScreenshot = async () => savePng((await session.call("console.screenshot", { id })).pngBase64, name);
  const copyText = async () => {
    const { lines } = await session.call("console.text", { id });
    if (lines === null) return shell.notify({ kind: "info", title: t("console.noText") });
    await navigator.clipboard.writeText(`${lines.join("\n").trimEnd()}\n`);
    shell.notify({ kind: "info", title: t("console.textCopied") });
  };
  return {
    screenshot: {
      kind: "action",
      id: "screenshot",
      label: t("console.screenshot"),
      icon: <Camera size={16} />,
      keys: host("E"),
      disabled: !isLegal("console.screenshot", state.kind),
      run: () => void attempt(t("failure.screenshot"), takeScreenshot),
    },
    copyText: {
      kind: "action",
      id: "copyText",
      label: t("console.copyText"),
      icon: <ClipboardCopy size={16} />,
      disabled: !isLegal("console.text", state.kind),
      run: () => void attempt(t("failure.copyText"), copyText),
    },
  };
}

function inputActions(
  { machine, t, shell, host }: ConsoleContext,
  press: (usages: readonly number[]) => void,
): Pick<Built, "ctrlAltDelete" | "typeText" | "close"> {
  const { id, state } = machine;
  return {
    ctrlAltDelete: {
      kind: "action",
      id: "ctrlAltDelete",
      label: t("console.ctrlAltDelete"),
      icon: <Keyboard size={16} />,
      keys: host("Del"),
      disabled: !isLegal("console.input", state.kind),
      run: () => press(CTRL_ALT_DELETE),
    },
    typeText: {
      kind: "action",
      id: "typeText",
      label: t("console.typeText"),
      icon: <TextCursorInput size={16} />,
      disabled: !isLegal("console.type", state.kind),
      run: () => shell.open({ kind: "typeText", id }),
    },
    close: {
      kind: "action",
      id: "close",
      label: t("console.close"),
      keys: host("Q"),
      disabled: !isLive(state.kind),
      run: () => shell.open({ kind: "closeConsole", id }),
    },
  };
}

export function useConsoleActions(
  machine: MachineSummary,
  rootRef: RefObject<HTMLElement | null>,
  press: (usages: readonly number[]) => void,
): ConsoleActions {
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const { t } = useTranslation();
  const ofMachine = useMachineActions(machine);
  const [scaleMode, setScaleMode] = usePreference("scaleMode");
  return useMemo(() => {
    const host = (key: string) => t("keys.host", { key });
    const context: ConsoleContext = { machine, t, shell, session, attempt, host };
    const built: Built = {
      machine: {
        ...ofMachine,
        pause: { ...ofMachine.pause, keys: host("P") },
        reset: { ...ofMachine.reset, keys: host("R") },
        shutDown: { ...ofMachine.shutDown, keys: host("H") },
        settings: { ...ofMachine.settings, keys: host("S") },
        takeSnapshot: { ...ofMachine.takeSnapshot, keys: host("T") },
        saveState: { ...ofMachine.saveState, keys: host("V") },
      },
      ...viewActions(context, rootRef, scaleMode, setScaleMode),
      ...pictureActions(context),
      ...inputActions(context, press),
    };
    return { ...built, run: (command) => runCommand(command, built) };
  }, [session, shell, attempt, t, machine, ofMachine, scaleMode, setScaleMode, rootRef, press]);
}

function runCommand(command: HostCommand, actions: Built): void {
  const byCommand: Record<HostCommand, MenuAction> = {
    fullScreen: actions.fullScreen,
    scaled: actions.scaled,
    pause: actions.machine.pause,
    reset: actions.machine.reset,
    powerButton: actions.machine.shutDown,
    close: actions.close,
    screenshot: actions.screenshot,
    settings: actions.machine.settings,
    takeSnapshot: actions.machine.takeSnapshot,
    saveState: actions.machine.saveState,
    ctrlAltDelete: actions.ctrlAltDelete,
  };
  const action = byCommand[command];
  if (action.disabled !== true) action.run();
}

/** In full screen a browser may hand over the keys it otherwise keeps (Escape, the system's own shortcuts). */
async function lockKeyboard(): Promise<void> {
  const keyboard = (navigator as Navigator & { keyboard?: { lock?: () => Promise<void> } }).keyboard;
  try {
    await keyboard?.lock?.();
  } catch {
    // Full screen works without it; those keys then stay with the browser.
  }
}
