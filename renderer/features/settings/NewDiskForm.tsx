import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileChooser, useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { formatMiB } from "../../ui/formatQuantities.ts";
import { ZoneSlider } from "../../ui/ZoneSlider.tsx";

const DEFAULT_DISK_MIB = 8192;

/** Adds a hard disk: a new one in the machine's folder, or one that exists. */
export function NewDiskForm({
  folder,
  onDisk,
  onCancel,
}: {
  folder: string;
  onDisk: (path: string) => void;
  onCancel: () => void;
}) {
  const { t, i18n } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const chooseFile = useFileChooser();
  const filters = useFileFilters();
  const [sizeMiB, setSizeMiB] = useState(DEFAULT_DISK_MIB);
  const create = () =>
    attempt(t("failure.createDisk"), async () => {
      const path = await freePath(
        folder,
        async (candidate) => (await session.call("files.stat", { path: candidate })).exists,
      );
      onDisk((await session.call("media.createDisk", { path, sizeBytes: sizeMiB * 1024 * 1024 })).path);
    });
  const choose = async () => {
    const path = await chooseFile({
      title: t("drive.choose.disk"),
      mode: "open",
      filters: filters("disk"),
      startAt: folder,
    });
    if (path !== undefined) onDisk(path);
  };
  return (
    <div className="new-disk stack">
      <ZoneSlider
        label={t("wizard.diskSize")}
        unit="MiB"
        value={sizeMiB}
        minimum={16}
        maximum={512 * 1024}
        zones={[{ kind: "plain", upTo: Number.POSITIVE_INFINITY }]}
        onChange={setSizeMiB}
        zoneSentence={() => undefined}
        formatEnd={(size) => formatMiB(size, i18n.language)}
      />
      <div className="input-row">
        <Button variant="primary" isDisabled={sizeMiB < 1} onPress={() => void create()}>
          {t("settings.createDisk")}
        </Button>
        <Button onPress={() => void choose()}>{t("settings.chooseDisk")}</Button>
        <Button variant="flat" onPress={onCancel}>
          {t("actions.cancel")}
        </Button>
      </div>
    </div>
  );
}

/** disk.img, disk2.img, ...: the first name in the folder that is not taken. */
export async function freePath(folder: string, exists: (path: string) => Promise<boolean>): Promise<string> {
  const separator = folder.includes("\\") ? "\\" : "/";
  for (let number = 1; ; number++) {
    const path = `${folder}${separator}disk${number === 1 ? "" : number}.img`;
    if (!(await exists(path))) return path;
  }
}
