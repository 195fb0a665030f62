import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { diskExtensions } from "../../../engine/api/diskExtensions.ts";
import { newDiskFormats } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { useFileTaken } from "../../state/useFileTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { DiskFormatFields } from "./DiskFormatFields.tsx";
import { DISK_MIB_MAX, DISK_MIB_MIN, DiskSizeField } from "./DiskSizeField.tsx";
import { type DiskFormatChoice, defaultDiskFormat } from "./diskFormats.ts";
import { EncryptionFields } from "./EncryptionFields.tsx";
import { canBeEncrypted, encryptionProblem, newPassphrase, notEncrypted } from "./encryption.ts";
import { freePath, withExtension } from "./mediumRules.ts";

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
  const [encryption, setEncryption] = useState(notEncrypted);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const exists = async (candidate: string) => (await session.call("files.stat", { path: candidate })).exists;
    freePath(folder, "disk", diskExtensions[defaultDiskFormat.format], exists).then(
      (free) => setPath((typed) => (typed === "" ? free : typed)),
      () => {},
    );
  }, [session, folder]);
  const good = sizeMiB >= DISK_MIB_MIN && sizeMiB <= DISK_MIB_MAX && path.trim() !== "";
  const taken = useFileTaken(path);
  const encryptable = canBeEncrypted(choice.format);
  const create = async () => {
    setBusy(true);
    const done = await attempt(t("failure.createDisk"), async () => {
      const { medium } = await session.call("media.create", {
        path,
        ...choice,
        ...newPassphrase(choice.format, encryption),
        sizeBytes: sizeMiB * 2 ** 20,
        parentPath: null,
      });
      made?.(medium.path);
    });
    setBusy(false);
    if (done) onClose();
  };
  return (
    <ActionDialog
      shape="form"
      title={t("media.createTitle")}
      width={560}
      action={t("settings.createDisk")}
      busy={busy}
      enabled={good && !taken && (!encryptable || encryptionProblem(encryption) === undefined)}
      onAction={() => void create()}
      onClose={onClose}
    >
      <FileField
        label={t("media.file")}
        value={path}
        onChange={setPath}
        error={taken && !busy ? t("issue.file-exists") : undefined}
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
      {encryptable ? <EncryptionFields value={encryption} onChange={setEncryption} ways={["none", "new"]} /> : null}
    </ActionDialog>
  );
}
