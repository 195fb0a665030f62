/**
 * Everything one can do with a machine, as data: toolbar, menus, quick actions, shortcuts and the command palette draw from
 * this one list, so that they agree on words, keys and legality. Legality is the API's own table.
 */

import type { TFunction } from "i18next";
import {
  AppWindow,
  Camera,
  CircleX,
  Copy,
  EyeOff,
  HardDriveDownload,
  MonitorUp,
  Pause,
  Pencil,
  Play,
  Power,
  PowerOff,
  RotateCcw,
  Settings,
  Trash2,
} from "lucide-react";
import { type ReactNode, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../engine/api/commandLegality.ts";
import type { HostCommandName } from "../../engine/api/hostProtocol.ts";
import { isLive } from "../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { formatRoute, navigate } from "../app/routes.ts";
import type { MenuAction } from "../ui/Menu.tsx";
import { useAttempt, useServices } from "./AppContext.tsx";
import { startMachine } from "./passphrases.ts";
import type { Shell } from "./shellState.ts";

export interface MachineActions {
  /** Start and show the console here. */
  start: MenuAction;
  startInWindow: MenuAction;
  startHidden: MenuAction;
  /** Pause or resume, whichever is possible. */
  pause: MenuAction;
  reset: MenuAction;
  shutDown: MenuAction;
  powerOff: MenuAction;
  show: MenuAction;
  showInWindow: MenuAction;
  settings: MenuAction;
  rename: MenuAction;
  remove: MenuAction;
  takeSnapshot: MenuAction;
  /** Keeps memory and devices in a file and ends the run. */
  saveState: MenuAction;
  discardState: MenuAction;
  clone: MenuAction;
}

const ICON = 16;

type LifeCommand =
  | "machine.pause"
  | "machine.resume"
  | "machine.reset"
  | "machine.powerButton"
  | "machine.powerOff"
  | "machine.saveState"
  | "machine.discardState";

/** What the parts below build from. Without a machine every action is there and disabled. */
interface ActionContext {
  readonly machine: MachineSummary | undefined;
  readonly t: TFunction;
  readonly shell: Shell;
  readonly may: (command: HostCommandName) => boolean;
  /** Sends a command for the machine; a failure becomes a notice. */
  readonly send: (command: LifeCommand) => void;
  readonly start: () => void;
  readonly showHere: () => void;
  readonly showWindow: () => void;
}

function action(
  id: string,
  label: string,
  icon: ReactNode,
  enabled: boolean,
  run: () => void,
  more: Partial<MenuAction> = {},
): MenuAction {
  return { kind: "action", id, label, icon, disabled: !enabled, run, ...more };
}

/** A machine with a saved state goes on from it, and the words say so. */
function startActions({ machine, t, may, start, showHere, showWindow }: ActionContext) {
  const startable = may("machine.start");
  const saved = machine?.state.kind === "saved";
  return {
    start: action("start", saved ? t("actions.resume") : t("actions.start"), <Play size={ICON} />, startable, () => {
      showHere();
      start();
    }),
    startInWindow: action(
      "startInWindow",
      saved ? t("actions.resumeInWindow") : t("actions.startInWindow"),
      <AppWindow size={ICON} />,
      startable,
      () => {
        showWindow();
        start();
      },
    ),
    startHidden: action(
      "startHidden",
      saved ? t("actions.resumeHidden") : t("actions.startHidden"),
      <EyeOff size={ICON} />,
      startable,
      start,
    ),
  };
}

/** Reset and power off lose what the guest has not saved, and ask first. */
function stopActions({ machine, t, shell, may, send }: ActionContext) {
  const name = machine?.name ?? "";
  const confirm = (title: string, body: string, label: string, command: LifeCommand) =>
    shell.open({
      kind: "confirm",
      confirmation: { title, body, action: label, danger: true, run: () => send(command) },
    });
  const paused = machine?.state.kind === "paused";
  return {
    pause: paused
      ? action("pause", t("actions.resume"), <Play size={ICON} />, true, () => send("machine.resume"))
      : action("pause", t("actions.pause"), <Pause size={ICON} />, may("machine.pause"), () => send("machine.pause")),
    reset: action("reset", t("actions.reset"), <RotateCcw size={ICON} />, may("machine.reset"), () =>
      confirm(
        t("confirm.reset.title", { name }),
        t("confirm.reset.body", { name }),
        t("actions.reset"),
        "machine.reset",
      ),
    ),
    shutDown: action("shutDown", t("actions.shutDown"), <Power size={ICON} />, may("machine.powerButton"), () =>
      send("machine.powerButton"),
    ),
    powerOff: action("powerOff", t("actions.powerOff"), <PowerOff size={ICON} />, may("machine.powerOff"), () =>
      confirm(
        t("confirm.powerOff.title", { name }),
        t("confirm.powerOff.body", { name }),
        t("actions.powerOff"),
        "machine.powerOff",
      ),
    ),
  };
}

function pastActions({ machine, t, shell, may, send }: ActionContext) {
  const id = machine?.id ?? "";
  const name = machine?.name ?? "";
  return {
    takeSnapshot: action(
      "takeSnapshot",
      t("actions.takeSnapshot"),
      <Camera size={ICON} />,
      may("snapshot.take"),
      () => shell.open({ kind: "takeSnapshot", id }),
      { keys: t("keys.ctrlShift", { key: "T" }) },
    ),
    saveState: action(
      "saveState",
      t("actions.saveState"),
      <HardDriveDownload size={ICON} />,
      may("machine.saveState"),
      () => send("machine.saveState"),
      { keys: t("keys.ctrl", { key: "V" }) },
    ),
    discardState: action(
      "discardState",
      t("actions.discardState"),
      <CircleX size={ICON} />,
      may("machine.discardState"),
      () =>
        shell.open({
          kind: "confirm",
          confirmation: {
            title: t("confirm.discardState.title", { name }),
            body: t("confirm.discardState.body", { name }),
            action: t("confirm.discardState.action"),
            danger: true,
            run: () => send("machine.discardState"),
          },
        }),
      { keys: t("keys.ctrl", { key: "J" }) },
    ),
    clone: action(
      "clone",
      t("actions.clone"),
      <Copy size={ICON} />,
      may("machine.clone"),
      () => shell.open({ kind: "clone", id, snapshotId: null }),
      { keys: t("keys.ctrl", { key: "O" }) },
    ),
  };
}

function otherActions({ machine, t, shell, may, showHere, showWindow }: ActionContext) {
  const id = machine?.id ?? "";
  const live = machine !== undefined && isLive(machine.state.kind);
  const configured = machine !== undefined && machine.config !== null;
  return {
    show: action("show", t("actions.show"), <MonitorUp size={ICON} />, live, showHere),
    showInWindow: action("showInWindow", t("actions.showInWindow"), <AppWindow size={ICON} />, live, showWindow),
    settings: action(
      "settings",
      t("actions.settings"),
      <Settings size={ICON} />,
      configured,
      () => shell.open({ kind: "settings", id, section: "general" }),
      { keys: t("keys.ctrl", { key: "S" }) },
    ),
    rename: action(
      "rename",
      t("actions.rename"),
      <Pencil size={ICON} />,
      may("library.rename"),
      () => shell.open({ kind: "rename", id }),
      { keys: "F2" },
    ),
    remove: action(
      "remove",
      t("actions.remove"),
      <Trash2 size={ICON} />,
      may("library.remove"),
      () => shell.open({ kind: "remove", id }),
      { keys: t("keys.ctrl", { key: "R" }), danger: true },
    ),
  };
}

export function useMachineActions(machine: MachineSummary | undefined): MachineActions {
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const { t } = useTranslation();
  return useMemo(() => {
    const id = machine?.id ?? "";
    const name = machine?.name ?? "";
    const state = machine?.state.kind;
    const context: ActionContext = {
      machine,
      t,
      shell,
      may: (command) => state !== undefined && isLegal(command, state),
      send: (command) => void attempt(t(`failure.${command}`, { name }), () => session.call(command, { id })),
      start: () => void attempt(t("failure.machine.start", { name }), () => startMachine(session, shell, id)),
      showHere: () => navigate({ kind: "machine", id, tab: "console" }),
      showWindow: () => session.port.capabilities.openWindow(formatRoute({ kind: "console", id })),
    };
    return { ...startActions(context), ...stopActions(context), ...pastActions(context), ...otherActions(context) };
  }, [machine, session, shell, attempt, t]);
}
