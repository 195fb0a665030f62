import { HardDrive, MousePointer2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useServices } from "../../state/AppContext.tsx";
import { useDriveMenu } from "../../state/useDriveMenu.tsx";
import { baseName } from "../../ui/formatQuantities.ts";
import { MenuButton, type MenuEntry } from "../../ui/Menu.tsx";
import type { ConsoleActions } from "./useConsoleActions.tsx";
import type { ConsoleInput } from "./useConsoleInput.ts";

export interface ConsoleMenusProps {
  machine: MachineSummary;
  actions: ConsoleActions;
  input: ConsoleInput;
  /** Serial ports that have a terminal. */
  ports: readonly number[];
  showPort: (port: number) => void;
}

function useDevicesMenu({ machine, ports, showPort }: ConsoleMenusProps): MenuEntry[] {
  const { t } = useTranslation();
  const driveMenu = useDriveMenu(machine);
  const { shell } = useServices();
  const storage = machine.config?.storage;
  const drive = (kind: "optical" | "floppy", slot: number, path: string | null): MenuEntry => ({
    kind: "submenu",
    id: `${kind}${slot}`,
    label: t(`drive.named.${kind}`, {
      number: slot + 1,
      letter: slot === 0 ? "A" : "B",
      medium: path === null ? t("details.empty") : baseName(path),
    }),
    entries: driveMenu(kind, slot, path),
  });
  return [
    ...(storage?.opticals ?? []).map(({ path }, slot) => drive("optical", slot, path)),
    ...(storage?.floppies ?? []).map(({ path }, slot) => drive("floppy", slot, path)),
    {
      kind: "action",
      id: "disks",
      label: t("console.disks"),
      icon: <HardDrive size={16} aria-hidden />,
      run: () => shell.open({ kind: "settings", id: machine.id, section: "storage" }),
    },
    ...ports.map(
      (port): MenuEntry => ({
        kind: "action",
        id: `terminal${port}`,
        label: t("console.terminal", { port: `COM${port + 1}` }),
        run: () => showPort(port),
      }),
    ),
  ];
}

export function ConsoleMenus(props: ConsoleMenusProps) {
  const { t } = useTranslation();
  const { actions, input, machine } = props;
  const devices = useDevicesMenu(props);
  const { machine: ofMachine } = actions;
  return (
    <nav className="console-menus" aria-label={t("console.menus")}>
      <MenuButton
        label={t("menu.machine")}
        entries={[
          ofMachine.settings,
          ofMachine.takeSnapshot,
          { kind: "separator", id: "afterSettings" },
          ofMachine.start,
          ofMachine.pause,
          ofMachine.reset,
          ofMachine.saveState,
          ofMachine.shutDown,
          ofMachine.powerOff,
          { kind: "separator", id: "beforeClose" },
          actions.close,
        ]}
      />
      <MenuButton
        label={t("menu.view")}
        entries={[
          actions.fullScreen,
          ofMachine.showInWindow,
          { kind: "section", id: "scale", label: t("console.scale"), entries: actions.scaleModes },
          { kind: "separator", id: "beforeShot" },
          actions.screenshot,
          actions.copyText,
        ]}
      />
      <MenuButton
        label={t("menu.input")}
        entries={[
          {
            kind: "action",
            id: "capture",
            label: t(input.keyboardCaptured ? "console.release" : "console.capture"),
            icon: <MousePointer2 size={16} />,
            keys: t("keys.hostAlone"),
            disabled: machine.state.kind !== "running",
            run: () => (input.keyboardCaptured ? input.release() : input.capture(true)),
          },
          { kind: "separator", id: "afterCapture" },
          actions.ctrlAltDelete,
          actions.typeText,
        ]}
      />
      <MenuButton label={t("menu.devices")} entries={devices} disabled={devices.length === 0} />
    </nav>
  );
}
