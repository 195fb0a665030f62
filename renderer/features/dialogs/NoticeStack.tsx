import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useServices, useShellState } from "../../state/AppContext.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import "./dialogs.css";

/**
 * Notices in the corner: what failed stays until it is dismissed, what went well leaves by itself. They go below an open window, whose
 * buttons they would cover; what fails in a window is shown there.
 */
export function NoticeStack() {
  const { t } = useTranslation();
  const { shell } = useServices();
  const notices = useShellState((state) => state.notices);
  const covered = useShellState((state) => state.dialogs.length > 0);
  return (
    <div className="notice-stack" data-covered={covered || undefined} data-react-aria-top-layer="true">
      {notices
        .filter(({ dialog }) => dialog === undefined)
        .map((notice) => (
          <div
            key={notice.id}
            className={`page-notice page-notice-${notice.kind}`}
            role={notice.kind === "error" ? "alert" : "status"}
          >
            {notice.kind === "error" ? <CircleAlert size={18} aria-hidden /> : <CircleCheck size={18} aria-hidden />}
            <div className="page-notice-words selectable">
              <strong>{notice.title}</strong>
              {notice.body === undefined ? null : <p>{notice.body}</p>}
              {notice.details === undefined ? null : <FoldedDetails text={notice.details} />}
            </div>
            <IconButton name={t("actions.dismiss")} onPress={() => shell.dismiss(notice.id)}>
              <X size={16} aria-hidden />
            </IconButton>
          </div>
        ))}
    </div>
  );
}
