import { useTranslation } from "react-i18next";
import type { MachineDraft } from "../../../engine/api/MachineConfig.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { BootOrderList } from "../../ui/BootOrderList.tsx";
import { Checkbox, Choice } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { MemoryField } from "../../ui/MemoryField.tsx";
import { Select } from "../../ui/Select.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { DebugPortChoices } from "./DebugPortChoices.tsx";
import type { SettingsSectionProps } from "./SettingsDialog.tsx";

const noKernel = { kernel: "", initrd: null, commandLine: "" };

function DirectBootSettings({ draft, change, locked }: SettingsSectionProps) {
  const { t } = useTranslation();
  const filters = useFileFilters();
  const boot = draft.directBoot ?? noKernel;
  const set = (part: Partial<typeof boot>) => {
    const next = { ...boot, ...part };
    change({ directBoot: next.kernel === "" ? null : next });
  };
  return (
    <fieldset className="stack settings-group">
      <legend className="field-label">{t("settings.directBoot")}</legend>
      <p className="field-hint">{t("settings.directBootHint")}</p>
      <FileField
        label={t("wizard.kernel")}
        value={boot.kernel}
        onChange={(kernel) => set({ kernel })}
        choose={{ title: t("drive.choose.kernel"), filters: filters("kernel") }}
        disabled={locked}
        clearable
      />
      {draft.directBoot === null ? null : (
        <>
          <FileField
            label={t("wizard.initrd")}
            value={boot.initrd ?? ""}
            onChange={(initrd) => set({ initrd: initrd === "" ? null : initrd })}
            choose={{ title: t("drive.choose.kernel"), filters: filters("kernel") }}
            disabled={locked}
            clearable
          />
          <TextField
            label={t("wizard.commandLine")}
            value={boot.commandLine}
            onChange={(commandLine) => set({ commandLine })}
            disabled={locked}
            mono
          />
        </>
      )}
    </fieldset>
  );
}

export function SystemSettings(props: SettingsSectionProps) {
  const { t } = useTranslation();
  const { draft, change, problem, locked } = props;
  const filters = useFileFilters();
  return (
    <>
      <MemoryField
        value={draft.memoryMiB}
        onChange={(memoryMiB) => change({ memoryMiB })}
        error={problem("memoryMiB")}
        disabled={locked}
      />
      <BootOrderList value={draft.bootOrder} onChange={(bootOrder) => change({ bootOrder })} disabled={locked} />
      <Checkbox selected={draft.bootMenu} onChange={(bootMenu) => change({ bootMenu })} disabled={locked}>
        {t("settings.bootMenu")}
      </Checkbox>
      <Checkbox selected={draft.rtcUtc} onChange={(rtcUtc) => change({ rtcUtc })} disabled={locked}>
        {t("settings.rtcUtc")}
      </Checkbox>
      <Choice<MachineDraft["accel"]>
        label={t("details.engine")}
        look="list"
        value={draft.accel}
        onChange={(accel) => change({ accel })}
        disabled={locked}
        options={[
          { id: "auto", label: t("settings.accelAuto") },
          { id: "interpreter", label: t("settings.accelInterpreter") },
        ]}
      />
      <Select<MachineDraft["cpuLevel"]>
        label={t("details.cpuLevel")}
        hint={t("settings.cpuLevelHint")}
        value={draft.cpuLevel}
        onChange={(cpuLevel) => change({ cpuLevel })}
        disabled={locked}
        options={(["host", "v3", "v2", "v1"] as const).map((id) => ({ id, label: t(`cpuLevel.${id}`) }))}
      />
      <FileField
        label={t("settings.romFile")}
        hint={t("settings.romHint")}
        value={draft.firmware.kind === "rom" ? draft.firmware.path : ""}
        onChange={(path) => change({ firmware: path === "" ? { kind: "builtin" } : { kind: "rom", path } })}
        choose={{ title: t("drive.choose.rom"), filters: filters("rom") }}
        disabled={locked}
        clearable
      />
      <DebugPortChoices value={draft.debugPorts} onChange={(debugPorts) => change({ debugPorts })} disabled={locked} />
      <DirectBootSettings {...props} />
    </>
  );
}
