import { ArrowDown, Cpu, Disc3, HardDrive, Keyboard, type LucideIcon, Monitor, Mouse, Save } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useState } from "react";
import { Button as AriaButton, MenuTrigger, Popover, TooltipTrigger } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { navigate } from "../../app/routes.ts";
import { useHost, useServices } from "../../state/AppContext.tsx";
import { LIGHT_MS } from "../../state/activityHistory.ts";
import { useDriveMenu } from "../../state/useDriveMenu.tsx";
import { baseName, formatBytes, formatNumber, formatRate } from "../../ui/formatQuantities.ts";
import { type MenuEntry, MenuList } from "../../ui/Menu.tsx";
import { Tooltip } from "../../ui/Tooltip.tsx";
import { lightState, type StorageLight } from "./lightStates.ts";
import type { ConsoleActions } from "./useConsoleActions.tsx";
import type { ConsoleInput } from "./useConsoleInput.ts";

interface LightProps {
  icon: LucideIcon;
  /** The name, then figures, one a line. */
  lines: readonly string[];
  entries: readonly MenuEntry[];
  reading?: boolean;
  writing?: boolean;
  lit?: boolean;
  children?: ReactNode;
}

/** One light: an icon with two lamps under it, figures as its tooltip and spoken name, the device's menu on a click. */
function Light({ icon: Icon, lines, entries, reading = false, writing = false, lit = false, children }: LightProps) {
  return (
    <MenuTrigger>
      <TooltipTrigger delay={300}>
        <AriaButton
          className="light"
          aria-label={lines.join(", ")}
          data-reading={reading || undefined}
          data-writing={writing || undefined}
          data-lit={lit || undefined}
        >
          <Icon size={15} aria-hidden />
          {children}
          <span className="lamps" aria-hidden>
            <span className="lamp lamp-read" />
            <span className="lamp lamp-write" />
          </span>
        </AriaButton>
        <Tooltip>{lines.join("\n")}</Tooltip>
      </TooltipTrigger>
      <Popover className="popover" placement="top start" offset={4}>
        <MenuList label={lines[0] ?? ""} entries={entries} />
      </Popover>
    </MenuTrigger>
  );
}

function useStorageLight(
  machine: MachineSummary,
  light: StorageLight,
): { lines: string[]; reading: boolean; writing: boolean } {
  const { t, i18n } = useTranslation();
  const view = useHost((state) => state.activity[machine.id]);
  const [, goOut] = useState(0);
  useEffect(() => {
    if (view === undefined) return;
    const timer = setTimeout(() => goOut((count) => count + 1), LIGHT_MS);
    return () => clearTimeout(timer);
  }, [view]);
  const state = lightState(light, view, performance.now());
  const storage = machine.config?.storage;
  const paths = { disk: storage?.disks, optical: storage?.opticals, floppy: storage?.floppies }[light] ?? [];
  const media = paths.map(({ path }) => (path === null ? t("details.empty") : baseName(path)));
  const bytes = (value: number) => formatBytes(value, i18n.language);
  const rate = (value: number) => (value > 0 ? ` (${formatRate(value, i18n.language)})` : "");
  const lines = [
    t(`lights.${light}`),
    ...media,
    t("lights.read", { size: bytes(state.readBytes) }) + rate(state.readRate),
    ...(light === "optical" ? [] : [t("lights.written", { size: bytes(state.writtenBytes) }) + rate(state.writeRate)]),
  ];
  return { lines, reading: state.reading, writing: state.writing };
}

function DriveLights({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const { shell } = useServices();
  const driveMenu = useDriveMenu(machine);
  const disk = useStorageLight(machine, "disk");
  const optical = useStorageLight(machine, "optical");
  const floppy = useStorageLight(machine, "floppy");
  const storage = machine.config?.storage;
  const entriesOf = (kind: "optical" | "floppy", drives: readonly { path: string | null }[]): MenuEntry[] =>
    drives.length === 1
      ? driveMenu(kind, 0, drives[0]?.path ?? null)
      : drives.map(({ path }, slot) => ({
          kind: "section",
          id: `${kind}${slot}`,
          label: `${slot + 1}: ${path === null ? t("details.empty") : baseName(path)}`,
          entries: driveMenu(kind, slot, path),
        }));
  const settings: MenuEntry = {
    kind: "action",
    id: "storage",
    label: t("lights.storageSettings"),
    run: () => shell.open({ kind: "settings", id: machine.id, section: "storage" }),
  };
  return (
    <>
      {storage === undefined || storage.disks.length === 0 ? null : (
        <Light icon={HardDrive} {...disk} entries={[settings]} />
      )}
      {storage === undefined || storage.opticals.length === 0 ? null : (
        <Light icon={Disc3} {...optical} entries={entriesOf("optical", storage.opticals)} />
      )}
      {storage === undefined || storage.floppies.length === 0 ? null : (
        <Light icon={Save} {...floppy} entries={entriesOf("floppy", storage.floppies)} />
      )}
    </>
  );
}

/** Frames painted in the last second. */
function useFrameRate(framesPainted: RefObject<number>): number {
  const [rate, setRate] = useState(0);
  useEffect(() => {
    let before = framesPainted.current;
    const timer = setInterval(() => {
      setRate(framesPainted.current - before);
      before = framesPainted.current;
    }, 1000);
    return () => clearInterval(timer);
  }, [framesPainted]);
  return rate;
}

function DisplayLight({ machine, actions, framesPainted, scale }: ConsoleStatusBarProps) {
  const { t, i18n } = useTranslation();
  const display = useHost((state) => state.displays[machine.id]);
  const rate = useFrameRate(framesPainted);
  const running = machine.state.kind === "running";
  const lines = [
    t("lights.display"),
    ...(display === undefined
      ? []
      : [
          t("lights.displaySize", {
            width: display.width,
            height: display.height,
            mode: t(`displayMode.${display.mode}`),
          }),
        ]),
    t("lights.frames", { rate, scale: formatNumber(scale, i18n.language, 2) }),
  ];
  return (
    <Light
      icon={Monitor}
      lines={lines}
      reading={running && rate > 0}
      entries={[...actions.scaleModes, actions.copyText]}
    />
  );
}

function EngineLight({ machine }: { machine: MachineSummary }) {
  const { t, i18n } = useTranslation();
  const figures = useHost((state) => state.history[machine.id]?.at(-1)?.figures);
  const running = machine.state.kind === "running";
  const lines = [
    t("lights.engine"),
    ...(machine.engine === null ? [] : [machine.engine]),
    ...(running && figures !== undefined
      ? [
          t("lights.engineFigures", {
            mips: formatNumber(figures.mips, i18n.language, 1),
            load: formatNumber(figures.load * 100, i18n.language),
          }),
        ]
      : []),
  ];
  return (
    <Light
      icon={Cpu}
      lines={lines}
      reading={running && figures !== undefined && figures.load > 0.05}
      entries={[
        {
          kind: "action",
          id: "activity",
          label: t("lights.showActivity"),
          run: () => navigate({ kind: "machine", id: machine.id, tab: "activity" }),
        },
      ]}
    />
  );
}

export interface ConsoleStatusBarProps {
  machine: MachineSummary;
  actions: ConsoleActions;
  input: ConsoleInput;
  framesPainted: RefObject<number>;
  scale: number;
}

export function ConsoleStatusBar(props: ConsoleStatusBarProps) {
  const { t } = useTranslation();
  const { machine, actions, input } = props;
  const captureEntry: MenuEntry = {
    kind: "action",
    id: "capture",
    label: t(input.keyboardCaptured ? "console.release" : "console.capture"),
    disabled: machine.state.kind !== "running",
    run: () => (input.keyboardCaptured ? input.release() : input.capture(true)),
  };
  return (
    <footer className="console-status">
      <DriveLights machine={machine} />
      <DisplayLight {...props} />
      <EngineLight machine={machine} />
      <span className="grow" />
      <Light
        icon={Mouse}
        lit={input.pointerCaptured}
        lines={[t("lights.pointer"), t(input.pointerCaptured ? "lights.captured" : "lights.free")]}
        entries={[captureEntry]}
      />
      <Light
        icon={Keyboard}
        lit={input.keyboardCaptured}
        lines={[t("lights.keyboard"), t(input.keyboardCaptured ? "lights.captured" : "lights.free")]}
        entries={[captureEntry, actions.ctrlAltDelete, actions.typeText]}
      />
      <span className="host-key" data-captured={input.keyboardCaptured || undefined} title={t("lights.hostKeyTitle")}>
        <ArrowDown size={14} aria-hidden />
        {t("keys.hostName")}
        <span className="visually-hidden" role="status">
          {t(input.keyboardCaptured ? "lights.keyboardCaptured" : "lights.keyboardFree")}
        </span>
      </span>
    </footer>
  );
}
