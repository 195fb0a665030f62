import { useTranslation } from "react-i18next";
import { Choice } from "../../ui/Choices.tsx";
import { TextField } from "../../ui/TextField.tsx";
import { type Encryption, type EncryptionWay, encryptionProblem } from "./encryption.ts";

interface EncryptionFieldsProps {
  value: Encryption;
  onChange: (value: Encryption) => void;
  /** What there is to choose from, the usual first. */
  ways: readonly EncryptionWay[];
}

/** Whether a disk's file can be read without a passphrase, and the passphrase, typed twice. */
export function EncryptionFields({ value, onChange, ways }: EncryptionFieldsProps) {
  const { t } = useTranslation();
  const problem = encryptionProblem(value);
  const nameOf = (way: EncryptionWay) => {
    if (way === "new" && ways.includes("keep")) return t("encryption.another");
    return t(`encryption.${way}`);
  };
  return (
    <>
      <Choice<EncryptionWay>
        label={t("media.encryption")}
        value={value.way}
        onChange={(way) => onChange({ ...value, way })}
        options={ways.map((id) => ({ id, label: nameOf(id) }))}
      />
      {value.way === "new" ? (
        <>
          <div className="pair">
            <TextField
              label={t("passphrase.label")}
              value={value.passphrase}
              secret
              onChange={(passphrase) => onChange({ ...value, passphrase })}
            />
            <TextField
              label={t("passphrase.again")}
              value={value.again}
              secret
              error={problem === "passphrases-differ" && value.again !== "" ? t("issue.passphrases-differ") : undefined}
              onChange={(again) => onChange({ ...value, again })}
            />
          </div>
          <p className="field-hint">{t("passphrase.keepIt")}</p>
        </>
      ) : null}
    </>
  );
}
