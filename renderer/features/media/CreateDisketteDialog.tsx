import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { disketteSizes } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { useFileTaken } from "../../state/useFileTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Checkbox } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { Select } from "../../ui/Select.tsx";
import { freePath } from "./mediumRules.ts";

type Label = (typeof disketteSizes)[number]["label"];

interface CreateDisketteDialogProps {
  /** Where the file is proposed. */
  folder: string;
  made?: ((path: string) => void) | undefined;
  onClose: () => void;
}

/** Makes a diskette: file, size, formatted or not. */
export function CreateDisketteDialog({ folder, made, onClose }: CreateDisketteDialogProps) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const filters = useFileFilters();
  const [path, setPath] = useState("");
  const [label, setLabel] = useState<Label>("1.44 MB");
  const [formatted, setFormatted] = useState(true);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const exists = async (candidate: string) => (await session.call("files.stat", { path: candidate })).exists;
    freePath(folder, "diskette", "img", exists).then(
      (free) => setPath((typed) => (typed === "" ? free : typed)),
      () => {},
    );
  }, [session, folder]);
  const taken = useFileTaken(path);
  const create = async () => {
    setBusy(true);
    const done = await attempt(t("failure.createDiskette"), async () => {
      const { medium } = await session.call("media.createDiskette", { path, size: label, formatted });
      made?.(medium.path);
    });
    setBusy(false);
    if (done) onClose();
  };
  return (
    <ActionDialog
      shape="form"
      title={t("media.createDisketteTitle")}
      width={560}
      action={t("media.createDiskette")}
      busy={busy}
      enabled={path.trim() !== "" && !taken}
      onAction={() => void create()}
      onClose={onClose}
    >
      <FileField
        label={t("media.file")}
        value={path}
        onChange={setPath}
        error={taken && !busy ? t("issue.file-exists") : undefined}
        choose={{ title: t("media.file"), filters: filters("floppy"), mode: "save" }}
      />
      <Select<Label>
        label={t("media.size")}
        value={label}
        onChange={setLabel}
        options={disketteSizes.map((size) => ({ id: size.label, label: size.label }))}
      />
      <Checkbox selected={formatted} onChange={setFormatted}>
        {t("media.formatted")}
      </Checkbox>
    </ActionDialog>
  );
}
