import { useTranslation } from "react-i18next";
import { useHost } from "../../state/AppContext.tsx";
import { formatBytes, formatMiB } from "../../ui/formatQuantities.ts";
import type { SizeZone } from "../../ui/sizeScale.ts";
import { ZoneSlider } from "../../ui/ZoneSlider.tsx";

export const DISK_MIB_MIN = 1;
export const DISK_MIB_MAX = 2 * 1024 * 1024;
const SLIDER_MIB_MIN = 16;
const SLIDER_MIB_MAX = 1024 * 1024;

/** Zones by what is free on the host: a disk that grows may well be larger, but its user should know. */
function diskZones(freeMiB: number): readonly SizeZone[] {
  if (freeMiB <= 0) return [{ kind: "plain", upTo: Number.POSITIVE_INFINITY }];
  return [
    { kind: "good", upTo: freeMiB * 0.8 },
    { kind: "warning", upTo: freeMiB },
    { kind: "danger", upTo: Number.POSITIVE_INFINITY },
  ];
}

/** The size of a disk against what its host has free. */
export function DiskSizeField({ sizeMiB, onChange }: { sizeMiB: number; onChange: (sizeMiB: number) => void }) {
  const { t, i18n } = useTranslation();
  const free = useHost((state) => state.info?.dataFreeBytes ?? 0);
  const bad = sizeMiB < DISK_MIB_MIN || sizeMiB > DISK_MIB_MAX;
  return (
    <ZoneSlider
      label={t("wizard.diskSize")}
      unit="MiB"
      value={sizeMiB}
      minimum={SLIDER_MIB_MIN}
      maximum={SLIDER_MIB_MAX}
      zones={diskZones(free / 2 ** 20)}
      onChange={onChange}
      zoneSentence={(zone) =>
        zone === "warning" || zone === "danger"
          ? t(`disk.${zone}`, { free: formatBytes(free, i18n.language) })
          : undefined
      }
      formatEnd={(size) => formatMiB(size, i18n.language)}
      error={bad ? t("issue.disk-size") : undefined}
    />
  );
}
