import { useTranslation } from "react-i18next";
import { MEMORY_MIB_MAX, MEMORY_MIB_MIN } from "../../engine/api/checkMachineDraft.ts";
import { useHost } from "../state/AppContext.tsx";
import { formatMiB } from "./formatQuantities.ts";
import { memoryZones } from "./sizeScale.ts";
import { ZoneSlider } from "./ZoneSlider.tsx";

export interface MemoryFieldProps {
  value: number;
  onChange: (memoryMiB: number) => void;
  error?: string | undefined;
  disabled?: boolean;
}

/** Memory of a machine against what its host has. */
export function MemoryField({ value, onChange, error, disabled = false }: MemoryFieldProps) {
  const { t, i18n } = useTranslation();
  const hostMiB = useHost((state) => (state.info?.memoryBytes ?? 0) / 1024 / 1024);
  return (
    <ZoneSlider
      label={t("details.memory")}
      unit="MiB"
      value={value}
      minimum={Math.max(4, MEMORY_MIB_MIN)}
      maximum={MEMORY_MIB_MAX}
      zones={hostMiB > 0 ? memoryZones(hostMiB) : [{ kind: "plain", upTo: Number.POSITIVE_INFINITY }]}
      onChange={onChange}
      zoneSentence={(zone) =>
        zone === "warning" || zone === "danger"
          ? t(`memory.${zone}`, { host: formatMiB(hostMiB, i18n.language) })
          : undefined
      }
      formatEnd={(size) => formatMiB(size, i18n.language)}
      error={error}
      disabled={disabled}
    />
  );
}
