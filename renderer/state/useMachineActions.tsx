/**
 * Everything one can do with a machine, as data: toolbar, menus, quick actions, shortcuts and the command palette draw from
 * this one list, so that they agree on words, keys and legality. Legality is the API's own table.
 */
import {
  AppWindow,
  EyeOff,
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
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { isLegal } from "../../engine/api/commandLegality.ts";
import type { HostCommandName } from "../../engine/api/hostProtocol.ts";
import { isLive } from "../../engine/api/MachineState.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import { formatRoute, navigate } from "../app/routes.ts";
import type { MenuAction } from "../ui/Menu.tsx";
import { useAttempt, useServices } from "./AppContext.tsx";

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
}

const ICON = 16;

export function useMachineActions(machine: MachineSummary | undefined): MachineActions {
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const { t } = useTranslation();
  return useMemo(() => {
    const id = machine?.id ?? "";
    const name = machine?.name ?? "";
    const state = machine?.state.kind;
    const may = (command: HostCommandName) => state !== undefined && isLegal(command, state);
    const live = state !== undefined && isLive(state);
    const run = (
      command:
        | "machine.start"
        | "machine.pause"
        | "machine.resume"
        | "machine.reset"
        | "machine.powerButton"
        | "machine.powerOff",
    ) => attempt(t(`failure.${command}`, { name }), () => session.call(command, { id }));
    const action = (
      key: string,
      label: string,
      icon: React.ReactNode,
      enabled: boolean,
      perform: () => void,
      more: Partial<MenuAction> = {},
    ): MenuAction => ({ kind: "action", id: key, label, icon, disabled: !enabled, run: perform, ...more });
    const showHere = () => navigate({ kind: "machine", id, tab: "console" });
    const showWindow = () => session.port.capabilities.openWindow(formatRoute({ kind: "console", id }));
    const confirm = (title: string, body: string, label: string, perform: () => void) =>
      shell.open({ kind: "confirm", confirmation: { title, body, action: label, danger: true, run: perform } });
    const paused = state === "paused";
    return {
      start: action("start", t("actions.start"), <Play size={ICON} />, may("machine.start"), () => {
        showHere();
        void run("machine.start");
      }),
      startInWindow: action(
        "startInWindow",
        t("actions.startInWindow"),
        <AppWindow size={ICON} />,
        may("machine.start"),
        () => {
          showWindow();
          void run("machine.start");
        },
      ),
      startHidden: action(
        "startHidden",
        t("actions.startHidden"),
        <EyeOff size={ICON} />,
        may("machine.start"),
        () => void run("machine.start"),
      ),
      pause: paused
        ? action("pause", t("actions.resume"), <Play size={ICON} />, true, () => void run("machine.resume"))
        : action(
            "pause",
            t("actions.pause"),
            <Pause size={ICON} />,
            may("machine.pause"),
            () => void run("machine.pause"),
          ),
      reset: action("reset", t("actions.reset"), <RotateCcw size={ICON} />, may("machine.reset"), () =>
        confirm(
          t("confirm.reset.title", { name }),
          t("confirm.reset.body", { name }),
          t("actions.reset"),
          () => void run("machine.reset"),
        ),
      ),
      shutDown: action(
        "shutDown",
        t("actions.shutDown"),
        <Power size={ICON} />,
        may("machine.powerButton"),
        () => void run("machine.powerButton"),
      ),
      powerOff: action("powerOff", t("actions.powerOff"), <PowerOff size={ICON} />, may("machine.powerOff"), () =>
        confirm(
          t("confirm.powerOff.title", { name }),
          t("confirm.powerOff.body", { name }),
          t("actions.powerOff"),
          () => void run("machine.powerOff"),
        ),
      ),
      show: action("show", t("actions.show"), <MonitorUp size={ICON} />, live, showHere),
      showInWindow: action("showInWindow", t("actions.showInWindow"), <AppWindow size={ICON} />, live, showWindow),
      settings: action(
        "settings",
        t("actions.settings"),
        <Settings size={ICON} />,
        machine?.config != null,
        () => shell.open({ kind: "settings", id, section: "general" }),
        { keys: t("keys.ctrl", { key: "S" }) },
      ),
      rename: action(
        "rename",
        t("actions.rename"),
        <Pencil size={ICON} />,
        may("library.rename"),
        () => shell.open({ kind: "rename", id }),
        {
          keys: "F2",
        },
      ),
      remove: action(
        "remove",
        t("actions.remove"),
        <Trash2 size={ICON} />,
        may("library.remove"),
        () => shell.open({ kind: "remove", id }),
        {
          keys: t("keys.ctrl", { key: "R" }),
          danger: true,
        },
      ),
    };
  }, [machine, session, shell, attempt, t]);
}
