import { FolderPlus, HardDrive, Monitor, Moon, Package, PackageOpen, Plus, Search, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineSummary } from "../../../engine/api/MachineSummary.ts";
import { navigate } from "../../app/routes.ts";
import { type Language, languages } from "../../i18n/languages.ts";
import { usePreference, useServices } from "../../state/AppContext.tsx";
import type { Theme } from "../../state/preferences.ts";
import { useMachineActions } from "../../state/useMachineActions.tsx";
import { Button } from "../../ui/Button.tsx";
import { IconButton } from "../../ui/IconButton.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { type MenuAction, MenuButton, type MenuEntry } from "../../ui/Menu.tsx";
import { machineMenu } from "./machineMenu.ts";

const themes: readonly Theme[] = ["system", "light", "dark"];

function useFileMenu(machine: MachineSummary | undefined): MenuEntry[] {
  const { shell, session } = useServices();
  const { t } = useTranslation();
  const [theme, setTheme] = usePreference("theme");
  const [language, setLanguage] = usePreference("language");
  const keys = session.port.capabilities.ownsAllKeys ? t("keys.ctrl", { key: "N" }) : t("keys.alt", { key: "N" });
  return [
    {
      kind: "action",
      id: "new",
      label: t("actions.newMachine"),
      icon: <Plus size={16} />,
      keys,
      run: () => shell.open({ kind: "newMachine" }),
    },
    {
      kind: "action",
      id: "add",
      label: t("actions.addMachine"),
      icon: <FolderPlus size={16} />,
      keys: t("keys.ctrl", { key: "A" }),
      run: () => shell.open({ kind: "import", existing: true }),
    },
    {
      kind: "action",
      id: "media",
      label: t("library.media"),
      icon: <HardDrive size={16} />,
      keys: t("keys.ctrl", { key: "D" }),
      run: () => navigate({ kind: "media", tab: "disk" }),
    },
    {
      kind: "action",
      id: "import",
      label: t("actions.import"),
      icon: <PackageOpen size={16} />,
      keys: t("keys.ctrl", { key: "I" }),
      run: () => shell.open({ kind: "import" }),
    },
    {
      kind: "action",
      id: "export",
      label: t("actions.export"),
      icon: <Package size={16} />,
      keys: t("keys.ctrl", { key: "E" }),
      run: () => shell.open({ kind: "export", id: machine?.id ?? null }),
    },
    { kind: "separator", id: "afterNew" },
    {
      kind: "submenu",
      id: "theme",
      label: t("menu.theme"),
      entries: themes.map(
        (id): MenuAction => ({
          kind: "action",
          id: `theme-${id}`,
          label: t(`theme.${id}`),
          mark: theme === id ? "dot" : undefined,
          run: () => setTheme(id),
        }),
      ),
    },
    {
      kind: "submenu",
      id: "language",
      label: t("menu.language"),
      entries: (Object.keys(languages) as Language[]).map(
        (id): MenuAction => ({
          kind: "action",
          id: `language-${id}`,
          label: languages[id],
          mark: language === id ? "dot" : undefined,
          run: () => setLanguage(id),
        }),
      ),
    },
  ];
}

export function AppHeader({ machine }: { machine: MachineSummary | undefined }) {
  const { t } = useTranslation();
  const { shell } = useServices();
  const actions = useMachineActions(machine);
  const [theme, setTheme] = usePreference("theme");
  const nextTheme = themes[(themes.indexOf(theme) + 1) % themes.length] ?? "system";
  const ThemeIcon = theme === "system" ? Monitor : theme === "light" ? Sun : Moon;
  return (
    <header className="app-header">
      <span className="app-name">
        <Logo />
        Guesthouse
      </span>
      <nav className="app-menus" aria-label={t("menu.bar")}>
        <MenuButton label={t("menu.file")} entries={useFileMenu(machine)} />
        <MenuButton label={t("menu.machine")} entries={machineMenu(actions)} disabled={machine === undefined} />
        <MenuButton
          label={t("menu.help")}
          entries={[
            {
              kind: "action",
              id: "shortcuts",
              label: t("menu.shortcuts"),
              keys: "F1",
              run: () => shell.open({ kind: "shortcuts" }),
            },
            { kind: "action", id: "about", label: t("menu.about"), run: () => shell.open({ kind: "about" }) },
          ]}
        />
      </nav>
      <span className="grow" />
      <Button variant="plain" className="palette-button" onPress={() => shell.open({ kind: "palette" })}>
        <Search size={14} aria-hidden />
        <span className="grow">{t("palette.open")}</span>
        <kbd>{t("keys.ctrl", { key: "K" })}</kbd>
      </Button>
      <IconButton name={t("theme.button", { theme: t(`theme.${theme}`) })} onPress={() => setTheme(nextTheme)}>
        <ThemeIcon size={16} aria-hidden />
      </IconButton>
    </header>
  );
}
