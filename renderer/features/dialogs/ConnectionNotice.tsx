import { useTranslation } from "react-i18next";
import { useHost } from "../../state/AppContext.tsx";
import { Notice } from "../../ui/Notice.tsx";

/** While there is no connection to the host: that, and what to expect. */
export function ConnectionNotice() {
  const { t } = useTranslation();
  const connection = useHost((state) => state.connection);
  if (connection.kind !== "lost") return null;
  return (
    <div className="connection-lost">
      <Notice kind="warning">
        <strong>{t("connection.lost")}</strong>
        <span>{t(connection.restarted === true ? "connection.restarted" : "connection.retrying")}</span>
      </Notice>
    </div>
  );
}
