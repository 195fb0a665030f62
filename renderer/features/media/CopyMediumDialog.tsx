import { useState } from "react";
import { useTranslation } from "react-i18next";
import { copyDiskFormats, type Medium } from "../../../engine/api/mediumProtocol.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { withPassphrase } from "../../state/passphrases.ts";
import { useFileFilters } from "../../state/useFileChooser.ts";
import { useFileTaken } from "../../state/useFileTaken.ts";
import { ActionDialog } from "../../ui/ActionDialog.tsx";
import { Checkbox } from "../../ui/Choices.tsx";
import { FileField } from "../../ui/FileField.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { DiskFormatFields } from "./DiskFormatFields.tsx";
import { type DiskFormatChoice, defaultDiskFormat } from "./diskFormats.ts";
import { EncryptionFields } from "./EncryptionFields.tsx";
import { canBeEncrypted, type Encryption, encryptionProblem, notEncrypted, targetPassphrase } from "./encryption.ts";
import { withExtension } from "./mediumRules.ts";

/** name.qcow2 becomes name-copy.qcow2, beside it. */
export function copyName(path: string): string {
  const dot = path.lastIndexOf(".");
  const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return dot > slash + 1 ? `${path.slice(0, dot)}-copy${path.slice(dot)}` : `${path}-copy`;
}

function ownFormat(medium: Medium): DiskFormatChoice {
  const own = copyDiskFormats.find(({ format }) => format === medium.format);
  if (own === undefined) return defaultDiskFormat;
  const subformat = own.subformats.find((known) => known === medium.subformat);
  return { format: own.format, subformat: subformat ?? own.subformats[0] ?? "" };
}

/** What is encrypted looks random, and does not get smaller. */
function canBeCompressed({ format }: DiskFormatChoice, { way }: Encryption): boolean {
  return format === "qcow2" && way === "none";
}

/** Copies a medium; hard disks may change their format on the way. */
export function CopyMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const filters = useFileFilters();
  const disk = medium.kind === "disk";
  const [choice, setChoice] = useState(() => ownFormat(medium));
  const [compress, setCompress] = useState(false);
  const [encryption, setEncryption] = useState<Encryption>(() =>
    medium.encrypted ? { ...notEncrypted, way: "keep" } : notEncrypted,
  );
  const encryptable = disk && canBeEncrypted(choice.format);
  const compressible = disk && canBeCompressed(choice, encryption);
  const [target, setTarget] = useState(() => {
    const path = copyName(medium.path);
    return disk ? withExtension(path, ownFormat(medium).format) : path;
  });
  const taken = useFileTaken(target);
  const problem = target === medium.path ? "same-file" : taken ? "file-exists" : undefined;
  const copy = () => {
    // The job bar tells how far it is; the window is free meanwhile.
    onClose();
    void attempt(t("failure.media.copy", { name: medium.name }), () =>
      withPassphrase(shell, (given) =>
        session.call("media.copy", {
          path: medium.path,
          target,
          format: disk ? choice.format : null,
          subformat: disk ? choice.subformat : null,
          compress: compress && compressible,
          ...given,
          ...(disk ? targetPassphrase(choice.format, encryption, medium.encrypted) : {}),
        }),
      ),
    );
  };
  return (
    <ActionDialog
      shape="form"
      title={t("media.copyTitle", { name: medium.name })}
      width={560}
      action={t(disk ? "media.copyAction" : "media.copyPlainAction")}
      enabled={
        target.trim() !== "" && problem === undefined && (!encryptable || encryptionProblem(encryption) === undefined)
      }
      onAction={copy}
      onClose={onClose}
    >
      <FileField
        label={t("media.target")}
        value={target}
        onChange={setTarget}
        error={problem === undefined ? undefined : t(`issue.${problem}`)}
        choose={{ title: t("media.target"), filters: filters(medium.kind), mode: "save" }}
      />
      {disk ? (
        <>
          <DiskFormatFields
            formats={copyDiskFormats}
            value={choice}
            onChange={(next) => {
              if (next.format !== choice.format) setTarget(withExtension(target, next.format));
              setChoice(next);
            }}
          />
          {encryptable ? (
            <EncryptionFields
              value={encryption}
              onChange={setEncryption}
              ways={medium.encrypted ? ["keep", "new", "none"] : ["none", "new"]}
            />
          ) : null}
          {disk && medium.encrypted && !encryptable ? (
            <Notice kind="warning">{t("encryption.lostInFormat")}</Notice>
          ) : null}
          {compressible ? (
            <Checkbox selected={compress} onChange={setCompress}>
              {t("media.compress")}
            </Checkbox>
          ) : null}
          {medium.parentPath === null ? null : <p className="field-hint">{t("media.copyWhole")}</p>}
        </>
      ) : null}
    </ActionDialog>
  );
}
