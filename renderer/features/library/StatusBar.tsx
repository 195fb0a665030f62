import { CircleAlert, CircleCheck, LoaderCircle, X } from "lucide-react";
import { ProgressBar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Job } from "../../../engine/api/MachineSummary.ts";
import { useAttempt, useHost, useServices } from "../../state/AppContext.tsx";
import { formatBytes } from "../../ui/formatQuantities.ts";
import { IconButton } from "../../ui/IconButton.tsx";

function JobItem({ job }: { job: Job }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const label = t(`jobs.kind.${job.kind}`, { subject: job.subject });
  const share = job.total > 0 ? job.done / job.total : undefined;
  const running = job.state === "running";
  const Icon = running ? LoaderCircle : job.state === "failed" ? CircleAlert : CircleCheck;
  return (
    <span className={`job job-${job.state}`}>
      <Icon size={14} className={running ? "spinner" : ""} aria-hidden />
      <span>{job.error === null ? label : `${label}: ${job.error}`}</span>
      {running && share !== undefined ? (
        <ProgressBar aria-label={label} value={share * 100} className="job-progress">
          {({ percentage }) => (
            <div className="progress-track">
              <div className="progress-fill" style={{ width: `${percentage ?? 0}%` }} />
            </div>
          )}
        </ProgressBar>
      ) : null}
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

function HostMemory() {
  const { t, i18n } = useTranslation();
  const info = useHost((state) => state.info);
  const memory = useHost((state) => state.memory);
  const total = memory?.memoryBytes ?? info?.memoryBytes;
  const free = memory?.memoryFreeBytes ?? info?.memoryFreeBytes;
  if (total === undefined || free === undefined) return null;
  const format = (bytes: number) => formatBytes(bytes, i18n.language);
  return (
    <span className="host-memory">
      {memory !== undefined && memory.guestsBytes > 0 ? (
        <span>{t("statusBar.guests", { size: format(memory.guestsBytes) })}</span>
      ) : null}
      <span>{t("statusBar.hostMemory", { used: format(total - free), total: format(total) })}</span>
    </span>
  );
}

/** Jobs on the left, the host's memory on the right. */
export function StatusBar() {
  const { t } = useTranslation();
  const jobs = useHost((state) => state.jobs);
  const running = useHost((state) => state.machines.filter((machine) => machine.state.kind === "running").length);
  return (
    <footer className="status-bar">
      <span className="jobs" role="status" aria-label={t("jobs.title")}>
        {jobs.length === 0 ? <span className="quiet">{t("statusBar.running", { count: running })}</span> : null}
        {jobs.map((job) => (
          <JobItem key={job.id} job={job} />
        ))}
      </span>
      <HostMemory />
    </footer>
  );
}
