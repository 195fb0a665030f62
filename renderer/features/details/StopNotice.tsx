import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LogLine, MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { useServices } from "../../state/AppContext.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { formatLogLine } from "../logs/formatLogLine.ts";

const LINES_SHOWN = 40;

function useLogTail(machine: MachineSummary, wanted: boolean): string {
  const { session } = useServices();
  const [text, setText] = useState("");
  const { id, stateSinceMs } = machine;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new stop of the same machine has a new log
  useEffect(() => {
    if (!wanted) return;
    let current = true;
    session.call("logs.read", { id, run: null }).then(
      ({ lines }: { lines: readonly LogLine[] }) => {
        if (current) setText(lines.slice(-LINES_SHOWN).map(formatLogLine).join("\n"));
      },
      // The notice says what matters; without a log it has no details to fold.
      () => {},
    );
    return () => {
      current = false;
    };
  }, [session, id, stateSinceMs, wanted]);
  return text;
}

/** A sentence when a machine ended otherwise than by its guest or its user, with the log folded under it. */
export function StopNotice({ machine }: { machine: MachineSummary }) {
  const { t } = useTranslation();
  const aborted = machine.state.kind === "aborted";
  const crashed = machine.state.kind === "poweredOff" && machine.lastStop?.kind === "tripleFault";
  const log = useLogTail(machine, aborted || crashed);
  if (machine.state.kind === "aborted") {
    return (
      <Notice kind="error">
        <strong>{t("stop.aborted", { reason: machine.state.reason })}</strong>
        <span>{t("stop.abortedAdvice")}</span>
        {log === "" ? null : <FoldedDetails title={t("stop.log")} text={log} />}
      </Notice>
    );
  }
  if (crashed) {
    return (
      <Notice kind="warning">
        <strong>{t("stop.tripleFault")}</strong>
        <span>{machine.lastStop?.detail}</span>
        {log === "" ? null : <FoldedDetails title={t("stop.log")} text={log} />}
      </Notice>
    );
  }
  return null;
}
