import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { baseName } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { TextField } from "../../ui/TextField.tsx";

interface PassphraseDialogProps {
  /** The disk's name, or its path. */
  disk: string;
  /** The one before did not fit. */
  wrong: boolean;
  answer: (passphrase: string | undefined) => void;
  onClose: () => void;
}

/** Asks for the passphrase of an encrypted disk. */
export function PassphraseDialog({ disk, wrong, answer, onClose }: PassphraseDialogProps) {
  const { t } = useTranslation();
  const [passphrase, setPassphrase] = useState("");
  const finish = (typed: string | undefined) => {
    onClose();
    answer(typed);
  };
  return (
    <ActionDialog
      shape="form"
      title={t("passphrase.title")}
      width={440}
      action={t("passphrase.unlock")}
      enabled={passphrase !== ""}
      onAction={() => finish(passphrase)}
      onClose={() => finish(undefined)}
    >
      {wrong ? <Notice kind="error">{t("errors.kind.passphrase-wrong")}</Notice> : null}
      <p>{t("passphrase.body", { disk: baseName(disk) })}</p>
      <TextField label={t("passphrase.label")} value={passphrase} onChange={setPassphrase} secret autoFocus />
    </ActionDialog>
  );
}
