import { StrictMode } from "react";
import type { Root } from "react-dom/client";
import { I18nextProvider } from "react-i18next";
import { createTranslations } from "../i18n/languages.ts";
import type { HostPort } from "../platform/HostPort.ts";
import { AppProvider, type AppServices } from "../state/AppContext.tsx";
import { HostSession } from "../state/HostSession.ts";
import { createPreferences, followOtherWindows } from "../state/preferences.ts";
import { Shell } from "../state/shellState.ts";
import "../ui/tokens.css";
import "../ui/base.css";
import "../ui/controls.css";
import "../ui/tree.css";
import { App } from "./App.tsx";

/** Builds the services of the page and shows it. Translations follow the preference from then on. */
export function mountApp(root: Root, port: HostPort): AppServices {
  const preferences = createPreferences(localStorage, navigator.languages);
  followOtherWindows(preferences);
  const translations = createTranslations(preferences.getState().language);
  preferences.subscribe(({ language }) => {
    if (translations.language !== language) void translations.changeLanguage(language);
  });
  const services: AppServices = { session: new HostSession(port), shell: new Shell(), preferences };
  void services.session.start();
  root.render(
    <StrictMode>
      <I18nextProvider i18n={translations}>
        <AppProvider services={services}>
          <App />
        </AppProvider>
      </I18nextProvider>
    </StrictMode>,
  );
  return services;
}
