import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { formatRoute } from "../../app/routes.ts";
import { useHost, useMachine } from "../../state/AppContext.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { ConnectionNotice } from "../dialogs/ConnectionNotice.tsx";
import { ConsoleView } from "./ConsoleView.tsx";

/** A console that fills its own window. */
export function ConsoleWindow({ id }: { id: string }) {
  const { t } = useTranslation();
  const machine = useMachine(id);
  const loaded = useHost((state) => state.loaded);
  const name = machine?.name;
  const state = machine?.state.kind;
  useEffect(() => {
    if (name !== undefined && state !== undefined) document.title = `${name} [${t(`state.${state}`)}] - Guesthouse`;
  }, [name, state, t]);
  return (
    <main className="console-window">
      <ConnectionNotice />
      {loaded && machine === undefined ? (
        <Notice kind="error">
          <strong>{t("errors.kind.no-such-machine")}</strong>
          <a href={formatRoute({ kind: "home" })}>{t("console.backToList")}</a>
        </Notice>
      ) : null}
      {machine === undefined ? null : <ConsoleView machine={machine} />}
    </main>
  );
}
