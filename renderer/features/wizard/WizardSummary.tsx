import { useTranslation } from "react-i18next";
import { osTypeById } from "../../../engine/api/osTypes.ts";
import { useHost } from "../../state/AppContext.tsx";
import { baseName, formatMiB } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";
import { SystemIcon } from "../../ui/SystemIcon.tsx";
import { diskFormatNames } from "../media/diskFormats.ts";
import { draftFromChoices, type WizardChoices } from "./WizardChoices.ts";

function useSummary(choices: WizardChoices): [string, string][] {
  const { t, i18n } = useTranslation();
  const size = (mebibytes: number) => formatMiB(mebibytes, i18n.language);
  const file = (path: string) => (path === "" ? t("wizard.notChosen") : baseName(path));
  const starts: Record<WizardChoices["bootMedium"], string> = {
    optical: file(choices.imagePath),
    floppy: file(choices.imagePath),
    kernel: file(choices.kernelPath),
    builtin: t("wizard.medium.builtin"),
    none: t("wizard.startsFromNothing"),
  };
  const disks: Record<WizardChoices["disk"], string> = {
    new: t("wizard.summaryNewDisk", {
      size: size(choices.diskMiB),
      format: diskFormatNames[choices.diskFormat.format],
    }),
    existing: file(choices.diskPath),
    none: t("wizard.diskNone"),
  };
  const order = draftFromChoices(choices).bootOrder.map((source) => t(`bootSource.${source}`));
  return [
    [t("wizard.startsFrom"), starts[choices.bootMedium]],
    [t("details.memory"), size(choices.memoryMiB)],
    [t("wizard.disk"), disks[choices.disk]],
    ...(choices.disk === "none" || choices.diskInterface === "ide"
      ? []
      : [[t("storage.controller"), t(`controller.${choices.diskInterface}`)] as [string, string]]),
    [t("details.bootOrder"), order.join(", ")],
    [
      t("details.firmware"),
      choices.firmwarePath === "" ? t("details.firmwareBuiltin") : baseName(choices.firmwarePath),
    ],
    [t("settings.serialPort", { port: "COM1" }), t(`serial.${choices.serial}`)],
  ];
}

/** In plain words what will be made, where it will lie and how much room it takes. */
export function WizardSummary({ choices, blocked }: { choices: WizardChoices; blocked: boolean }) {
  const { t, i18n } = useTranslation();
  const info = useHost((state) => state.info);
  const rows = useSummary(choices);
  const system = osTypeById(choices.osType);
  const builtin = choices.bootMedium === "builtin";
  const name = builtin ? t("wizard.medium.builtin") : choices.name.trim() || t("wizard.unnamed");
  const room = choices.disk === "new" && !builtin ? choices.diskMiB : 0;
  return (
    <aside className="wizard-summary" aria-label={t("wizard.summary")}>
      <div className="wizard-summary-head">
        <SystemIcon family={builtin ? "other" : system.family} bits={builtin ? undefined : system.bits} />
        <div>
          <strong className="selectable">{name}</strong>
          <span className="quiet">{builtin ? t("wizard.builtinKind") : system.name}</span>
        </div>
      </div>
      {builtin ? null : (
        <dl className="aside-facts">
          {rows.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className="quiet">
        {t("wizard.location")}
        <br />
        <span className="mono selectable wizard-path">{info?.dataFolder ?? ""}</span>
      </p>
      <p className="quiet">
        {room > 0 ? t("wizard.room", { size: formatMiB(room, i18n.language) }) : t("wizard.roomSmall")}
      </p>
      {blocked ? <Notice kind="warning">{t("wizard.blocked")}</Notice> : null}
    </aside>
  );
}
