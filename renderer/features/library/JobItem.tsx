import { CircleAlert, CircleCheck, CircleSlash, LoaderCircle, X } from "lucide-react";
import { useState } from "react";
import { ProgressBar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Job } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useServices } from "../../state/AppContext.tsx";
import { formatClock } from "../../ui/formatQuantities.ts";
import { IconButton } from "../../ui/IconButton.tsx";
import { timeLeftMs } from "./timeLeft.ts";

const icons = { running: LoaderCircle, finished: CircleCheck, cancelled: CircleSlash, failed: CircleAlert };

/** How far it is in words; a screen reader has the bar's own. */
function Progress({ label, share }: { label: string; share: number }) {
  const { t } = useTranslation();
  const [first] = useState(() => ({ atMs: performance.now(), share }));
  const left = timeLeftMs(performance.now() - first.atMs, first.share, share);
  const percent = Math.floor(share * 100);
  return (
    <>
      <ProgressBar aria-label={label} value={share * 100} className="job-progress">
        {({ percentage }) => (
          <div className="progress-track">
            <div className="progress-fill" style={{ width: `${percentage ?? 0}%` }} />
          </div>
        )}
      </ProgressBar>
      <span className="quiet" aria-hidden>
        {left === undefined
          ? t("jobs.percent", { percent })
          : t("jobs.percentLeft", { percent, time: formatClock(left) })}
      </span>
    </>
  );
}

/** Long work: what it is, how far it is, and its cancel. */
export function JobItem({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const label = t(`jobs.kind.${job.kind}`, { subject: job.subject });
  const share = job.total > 0 ? job.done / job.total : undefined;
  const running = job.state === "running";
  const Icon = icons[job.state];
  return (
    <span className={`job job-${job.state}`}>
      <Icon size={14} className={running ? "spinner" : ""} aria-hidden />
      <span>
        {job.error !== null
          ? `${label}: ${job.error}`
          : job.state === "finished"
            ? t("jobs.finished", { job: label })
            : job.state === "cancelled"
              ? t("jobs.cancelled", { job: label })
              : label}
      </span>
      {running && share !== undefined ? <Progress label={label} share={share} /> : null}
      {running || job.state === "failed" ? (
        <IconButton
          name={running ? t("jobs.cancel", { job: label }) : t("actions.dismiss")}
          onPress={() => {
            if (running) void attempt(t("failure.cancelJob"), () => session.call("jobs.cancel", { jobId: job.id }));
            else session.dismissJob(job.id);
          }}
        >
          <X size={14} aria-hidden />
        </IconButton>
      ) : null}
    </span>
  );
}
