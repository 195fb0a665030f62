import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useServices, useShellState } from "../../state/AppContext.tsx";
import { FoldedDetails } from "../../ui/FoldedDetails.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import "./dialogs.css";

/** Notices in the corner: what failed stays until it is dismissed, what went well leaves by itself. */
export function NoticeStack() {
  const { t } = useTranslation();
  const { shell } = useServices();
  const notices = useShellState((state) => state.notices);
  return (
    <div className="notice-stack" data-react-aria-top-layer="true">
      {notices.map((notice) => (
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
