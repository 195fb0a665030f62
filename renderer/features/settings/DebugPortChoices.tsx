import { useTranslation } from "react-i18next";
import type { MachineDraft } from "../../../engine/api/MachineConfig.ts";
import { Checkbox } from "../../ui/Choices.tsx";

type DebugPorts = MachineDraft["debugPorts"];

interface DebugPortChoicesProps {
  value: DebugPorts;
  onChange: (value: DebugPorts) => void;
  disabled?: boolean;
}

/** The ports that test guests report by, each by itself: a system that probes ports may find one and not the other. */
export function DebugPortChoices({ value, onChange, disabled = false }: DebugPortChoicesProps) {
  const { t } = useTranslation();
  return (
    <>
      <Checkbox selected={value.console} onChange={(on) => onChange({ ...value, console: on })} disabled={disabled}>
        {t("settings.debugConsole")}
      </Checkbox>
      <Checkbox selected={value.exit} onChange={(on) => onChange({ ...value, exit: on })} disabled={disabled}>
        {t("settings.debugExit")}
      </Checkbox>
    </>
  );
}
