import { useEffect } from "react";
import { I18nProvider } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { ConsoleWindow } from "../features/console/ConsoleWindow.tsx";
import { DialogHost } from "../features/dialogs/DialogHost.tsx";
import { NoticeStack } from "../features/dialogs/NoticeStack.tsx";
import { ManagerWindow } from "../features/library/ManagerWindow.tsx";
import { useRoute } from "./useRoute.ts";
import { useTheme } from "./useTheme.ts";

export function App() {
  const route = useRoute();
  const { i18n } = useTranslation();
  useTheme();
  useEffect(() => {
    document.documentElement.lang = i18n.language;
    if (route.kind !== "console") document.title = "Guesthouse";
  }, [i18n.language, route.kind]);
  return (
    <I18nProvider locale={i18n.language}>
      {route.kind === "console" ? <ConsoleWindow id={route.id} /> : <ManagerWindow route={route} />}
      <DialogHost />
      <NoticeStack />
    </I18nProvider>
  );
}
