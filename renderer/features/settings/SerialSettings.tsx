import { Plus, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { SERIAL_PORTS_MAX } from "../../../engine/api/checkMachineDraft.ts";
import type { MachineDraft } from "../../../engine/api/MachineConfig.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";

type SerialPort = MachineDraft["serial"][number];

const emptyPorts: Record<SerialPort["kind"], (port: number) => SerialPort> = {
  none: () => ({ kind: "none" }),
  terminal: () => ({ kind: "terminal" }),
  file: (port) => ({ kind: "file", path: `serial${port + 1}.log` }),
};

interface PortSettingsProps {
  port: SerialPort;
  index: number;
  locked: boolean;
  set: (port: SerialPort) => void;
  /** Only the last port can go, because ports are known by their numbers. */
  remove: (() => void) | undefined;
}

function PortSettings({ port, index, locked, set, remove }: PortSettingsProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const name = `COM${index + 1}`;
  return (
    <fieldset className="settings-group stack">
      <legend className="field-label">{name}</legend>
      <div className="input-row">
        <span className="grow">
          <Choice<SerialPort["kind"]>
            label={t("settings.serialPort", { port: name })}
            hideLabel
            value={port.kind}
            disabled={locked}
            onChange={(kind) => set(emptyPorts[kind](index))}
            options={(["none", "terminal", "file"] as const).map((kind) => ({ id: kind, label: t(`serial.${kind}`) }))}
          />
        </span>
        {remove === undefined ? null : (
          <IconButton name={t("settings.removePort", { port: name })} isDisabled={locked} onPress={remove}>
            <Trash2 size={15} aria-hidden />
          </IconButton>
        )}
      </div>
      {port.kind === "file" ? (
        <FileField
          label={t("settings.serialFile")}
          hint={t("settings.serialFileHint")}
          value={port.path}
          onChange={(path) => set({ kind: "file", path })}
          choose={{ title: t("settings.serialFile"), filters: filters("log"), mode: "save" }}
          disabled={locked}
        />
      ) : null}
    </fieldset>
  );
}

export function SerialSettings({ draft, change, problem, locked }: SettingsSectionProps) {
  const { t } = useTranslation();
  const { serial } = draft;
  const error = problem("serial");
  return (
    <>
      {serial.map((port, index) => (
        <PortSettings
          // biome-ignore lint/suspicious/noArrayIndexKey: a serial port is its number
          key={index}
          port={port}
          index={index}
          locked={locked}
          set={(changed) => change({ serial: serial.map((other, at) => (at === index ? changed : other)) })}
          remove={index === serial.length - 1 ? () => change({ serial: serial.slice(0, -1) }) : undefined}
        />
      ))}
      {error === undefined ? null : <p className="field-error">{error}</p>}
      <div className="input-row">
        <Button
          variant="flat"
          isDisabled={locked || serial.length >= SERIAL_PORTS_MAX}
          onPress={() => change({ serial: [...serial, { kind: "terminal" }] })}
        >
          <Plus size={15} aria-hidden />
          {t("settings.addPort")}
        </Button>
      </div>
    </>
  );
}
