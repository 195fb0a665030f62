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

export function SerialSettings({ draft, change, problem, locked }: SettingsSectionProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const set = (index: number, port: SerialPort) =>
    change({ serial: draft.serial.map((other, at) => (at === index ? port : other)) });
  const error = problem("serial");
  return (
    <>
      {draft.serial.map((port, index) => {
        const name = `COM${index + 1}`;
        const last = index === draft.serial.length - 1;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a serial port is its number
          <fieldset key={index} className="settings-group stack">
            <legend className="field-label">{name}</legend>
            <div className="input-row">
              <span className="grow">
                <Choice<SerialPort["kind"]>
                  label={t("settings.serialPort", { port: name })}
                  hideLabel
                  value={port.kind}
                  disabled={locked}
                  onChange={(kind) => set(index, emptyPorts[kind](index))}
                  options={(["none", "terminal", "file"] as const).map((kind) => ({
                    id: kind,
                    label: t(`serial.${kind}`),
                  }))}
                />
              </span>
              {last ? (
                <IconButton
                  name={t("settings.removePort", { port: name })}
                  isDisabled={locked}
                  onPress={() => change({ serial: draft.serial.slice(0, -1) })}
                >
                  <Trash2 size={15} aria-hidden />
                </IconButton>
              ) : null}
            </div>
            {port.kind === "file" ? (
              <FileField
                label={t("settings.serialFile")}
                hint={t("settings.serialFileHint")}
                value={port.path}
                onChange={(path) => set(index, { kind: "file", path })}
                choose={{ title: t("settings.serialFile"), filters: filters("log"), mode: "save" }}
                disabled={locked}
              />
            ) : null}
          </fieldset>
        );
      })}
      {error === undefined ? null : <p className="field-error">{error}</p>}
      <div className="input-row">
        <Button
          variant="flat"
          isDisabled={locked || draft.serial.length >= SERIAL_PORTS_MAX}
          onPress={() => change({ serial: [...draft.serial, { kind: "terminal" }] })}
        >
          <Plus size={15} aria-hidden />
          {t("settings.addPort")}
        </Button>
      </div>
    </>
  );
}
