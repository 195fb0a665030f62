import { LoaderCircle } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { HostProtocol } from "../../../engine/api/hostProtocol.ts";
import type { Medium } from "../../../engine/api/mediumProtocol.ts";
import type { ResultOf } from "../../../engine/api/ProtocolSpec.ts";
import { useServices } from "../../state/AppContext.tsx";
import { describeError, type ErrorDescription } from "../../state/describeError.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { Notice } from "../../ui/Notice.tsx";

type Report = ResultOf<HostProtocol, "media.check">;

function ReportView({ report }: { report: Report }) {
  const { t, i18n } = useTranslation();
  const sound = report.errors.length === 0;
  return (
    <div className="stack">
      <Notice kind={sound ? "info" : "error"}>
        <strong>{sound ? t("media.checkSound") : t("media.checkErrors", { count: report.errors.length })}</strong>
        {report.repaired > 0 ? <span>{t("media.checkRepaired", { count: report.repaired })}</span> : null}
        {report.leakedBytes > 0 ? (
          <span>{t("media.checkLeaked", { size: formatBytes(report.leakedBytes, i18n.language) })}</span>
        ) : null}
      </Notice>
      {sound ? null : <FoldedDetails text={report.errors.join("\n")} />}
    </div>
  );
}

/** Looks for damage in a disk image and, when there is some, offers to repair it. */
export function CheckMediumDialog({ medium, onClose }: { medium: Medium; onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const [repair, setRepair] = useState(false);
  const [report, setReport] = useState<Report>();
  const [problem, setProblem] = useState<ErrorDescription>();
  const { path } = medium;
  useEffect(() => {
    let open = true;
    setReport(undefined);
    session.call("media.check", { path, repair }).then(
      (found) => open && setReport(found),
      (error: unknown) => open && setProblem(describeError(error, t)),
    );
    return () => {
      open = false;
    };
  }, [session, path, repair, t]);
  const repairable = report !== undefined && !repair && (report.errors.length > 0 || report.leakedBytes > 0);
  return (
    <Dialog
      title={t("media.checkTitle", { name: medium.name })}
      width={520}
      onClose={onClose}
      footer={
        <>
          {repairable ? (
            <Button variant="primary" onPress={() => setRepair(true)}>
              {t("media.repair")}
            </Button>
          ) : null}
          <Button onPress={onClose}>{t("actions.close")}</Button>
        </>
      }
    >
      {problem !== undefined ? (
        <Notice kind="error">
          <span>{problem.sentence}</span>
          <FoldedDetails text={problem.details} />
        </Notice>
      ) : report === undefined ? (
        <p className="input-row" role="status">
          <LoaderCircle size={16} className="spinner" aria-hidden />
          {t(repair ? "media.repairing" : "media.checking")}
        </p>
      ) : (
        <ReportView report={report} />
      )}
    </Dialog>
  );
}
