import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { newDiskFormats } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { type DiskFormatChoice, DiskFormatFields, defaultDiskFormat } from "./DiskFormatFields.tsx";
import { DISK_MIB_MAX, DISK_MIB_MIN, DiskSizeField } from "./DiskSizeField.tsx";
import { diskExtensions, freePath, withExtension } from "./mediumRules.ts";

const DEFAULT_DISK_MIB = 8192;

interface CreateDiskDialogProps {
  /** Where the file is proposed. */
  folder: string;
  made?: ((path: string) => void) | undefined;
  onClose: () => void;
}

/** Makes a hard disk: file, format, how it grows, size. */
export function CreateDiskDialog({ folder, made, onClose }: CreateDiskDialogProps) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const filters = useFileFilters();
  const [choice, setChoice] = useState<DiskFormatChoice>(defaultDiskFormat);
  const [path, setPath] = useState("");
  const [sizeMiB, setSizeMiB] = useState(DEFAULT_DISK_MIB);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const exists = async (candidate: string) => (await session.call("files.stat", { path: candidate })).exists;
    freePath(folder, "disk", diskExtensions[defaultDiskFormat.format] ?? "img", exists).then(
      (free) => setPath((typed) => (typed === "" ? free : typed)),
      () => {},
    );
  }, [session, folder]);
  const sizeIsGood = sizeMiB >= DISK_MIB_MIN && sizeMiB <= DISK_MIB_MAX;
  const create = async () => {
    setBusy(true);
    const done = await attempt(t("failure.createDisk"), async () => {
      const { medium } = await session.call("media.create", {
        path,
        ...choice,
        sizeBytes: sizeMiB * 2 ** 20,
        parentPath: null,
      });
      made?.(medium.path);
    });
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog
      title={t("media.createTitle")}
      width={560}
      dismissable={false}
      onClose={onClose}
      footer={
        <>
          <Button onPress={onClose}>{t("actions.cancel")}</Button>
          <Button
            variant="primary"
            isDisabled={busy || path.trim() === "" || !sizeIsGood}
            onPress={() => void create()}
          >
            {t("settings.createDisk")}
          </Button>
        </>
      }
    >
      <div className="stack">
        <FileField
          label={t("media.file")}
          value={path}
          onChange={setPath}
          choose={{ title: t("media.file"), filters: filters("disk"), mode: "save" }}
        />
        <DiskFormatFields
          formats={newDiskFormats}
          value={choice}
          onChange={(next) => {
            if (next.format !== choice.format && path !== "") setPath(withExtension(path, next.format));
            setChoice(next);
          }}
        />
        <DiskSizeField sizeMiB={sizeMiB} onChange={setSizeMiB} />
      </div>
    </Dialog>
  );
}
