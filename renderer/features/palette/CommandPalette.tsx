import {
  Activity,
  FolderPlus,
  HardDrive,
  House,
  Info,
  Languages,
  Package,
  PackageOpen,
  Palette,
  Plus,
} from "lucide-react";
import { type RefObject, useMemo, useRef, useState } from "react";
import { Dialog as AriaDialog, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { navigate } from "../../app/routes.ts";
import { useRoute } from "../../app/useRoute.ts";
import { type Language, languages } from "../../i18n/languages.ts";
import { useHost, useMachine, usePreference, useServices } from "../../state/AppContext.tsx";
import { useMachineActions } from "../../state/useMachineActions.tsx";
import type { MenuAction } from "../../ui/Menu.tsx";
import { StateIcon } from "../../ui/StateIcon.tsx";
import { filterCommands } from "./filterCommands.ts";
import "./palette.css";

function usePaletteCommands(): MenuAction[] {
  const { t } = useTranslation();
  const { shell } = useServices();
  const route = useRoute();
  const machines = useHost((state) => state.machines);
  const selected = useMachine(route.kind === "machine" || route.kind === "console" ? route.id : undefined);
  const actions = useMachineActions(selected);
  const [, setTheme] = usePreference("theme");
  const [, setLanguage] = usePreference("language");
  return useMemo(() => {
    const command = (id: string, label: string, icon: React.ReactNode, run: () => void): MenuAction => ({
      kind: "action",
      id,
      label,
      icon,
      run,
    });
    const ofMachine =
      selected === undefined
        ? []
        : Object.values(actions)
            .filter((action: MenuAction) => action.disabled !== true)
            .map((action: MenuAction) => ({
              ...action,
              label: t("palette.ofMachine", { action: action.label, name: selected.name }),
            }));
    return [
      ...ofMachine,
      ...machines.map((machine) =>
        command(
          `goto-${machine.id}`,
          t("palette.goTo", { name: machine.name }),
          <StateIcon state={machine.state.kind} />,
          () => navigate({ kind: "machine", id: machine.id, tab: "details" }),
        ),
      ),
      command("new", t("actions.newMachine"), <Plus size={16} />, () => shell.open({ kind: "newMachine" })),
      command("add", t("actions.addMachine"), <FolderPlus size={16} />, () =>
        shell.open({ kind: "import", existing: true }),
      ),
      command("import", t("actions.import"), <PackageOpen size={16} />, () => shell.open({ kind: "import" })),
      command("export", t("actions.export"), <Package size={16} />, () =>
        shell.open({ kind: "export", id: selected?.id ?? null }),
      ),
      command("home", t("library.home"), <House size={16} />, () => navigate({ kind: "home" })),
      command("media", t("library.media"), <HardDrive size={16} />, () => navigate({ kind: "media", tab: "disk" })),
      command("overview", t("library.overview"), <Activity size={16} />, () => navigate({ kind: "overview" })),
      ...(["system", "light", "dark"] as const).map((theme) =>
        command(`theme-${theme}`, t("palette.theme", { theme: t(`theme.${theme}`) }), <Palette size={16} />, () =>
          setTheme(theme),
        ),
      ),
      ...(Object.keys(languages) as Language[]).map((language) =>
        command(
          `language-${language}`,
          t("palette.language", { language: languages[language] }),
          <Languages size={16} />,
          () => setLanguage(language),
        ),
      ),
      command("shortcuts", t("menu.shortcuts"), <Info size={16} />, () => shell.open({ kind: "shortcuts" })),
      command("about", t("menu.about"), <Info size={16} />, () => shell.open({ kind: "about" })),
    ];
  }, [t, shell, machines, selected, actions, setTheme, setLanguage]);
}

interface PaletteListProps {
  found: readonly MenuAction[];
  current: MenuAction | undefined;
  listRef: RefObject<HTMLDivElement | null>;
  point: (command: MenuAction) => void;
  run: (command: MenuAction) => void;
}

function PaletteList({ found, current, listRef, point, run }: PaletteListProps) {
  const { t } = useTranslation();
  return (
    <div id="palette-list" className="palette-list" role="listbox" aria-label={t("palette.open")} ref={listRef}>
      {found.map((command) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys of a combobox go to its input
        <div
          key={command.id}
          id={`palette-${command.id}`}
          className="palette-item"
          role="option"
          tabIndex={-1}
          aria-selected={command === current}
          onMouseMove={() => point(command)}
          onClick={() => run(command)}
        >
          <span className="menu-item-mark">{command.icon}</span>
          <span className="grow truncate">{command.label}</span>
          {command.keys === undefined ? null : <kbd>{command.keys}</kbd>}
        </div>
      ))}
    </div>
  );
}

/** Every action by its words: type, choose, Enter. Keys follow the ARIA combobox pattern. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const commands = usePaletteCommands();
  const [words, setWords] = useState("");
  const [active, setActive] = useState(0);
  const listRef = useRef<HTMLDivElement>(null);
  const found = filterCommands(commands, words);
  const current = found[Math.min(active, found.length - 1)];
  const move = (step: number) => {
    if (found.length === 0) return;
    const next = (Math.min(active, found.length - 1) + step + found.length) % found.length;
    setActive(next);
    listRef.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const run = (command: MenuAction | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter") run(current);
    else return;
    event.preventDefault();
  };
  return (
    <ModalOverlay className="overlay palette-overlay" isOpen isDismissable onOpenChange={(open) => !open && onClose()}>
      <Modal className="modal palette">
        <AriaDialog className="dialog" aria-label={t("palette.open")}>
          <input
            className="palette-input"
            // biome-ignore lint/a11y/noAutofocus: the palette is opened to type into it
            autoFocus
            role="combobox"
            aria-expanded
            aria-controls="palette-list"
            aria-activedescendant={current === undefined ? undefined : `palette-${current.id}`}
            aria-label={t("palette.open")}
            placeholder={t("palette.placeholder")}
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              setActive(0);
            }}
            onKeyDown={onKeyDown}
          />
          <PaletteList
            found={found}
            current={current}
            listRef={listRef}
            point={(command) => setActive(found.indexOf(command))}
            run={run}
          />
          {found.length === 0 ? (
            <p className="palette-empty quiet" role="status">
              {t("palette.nothing")}
            </p>
          ) : null}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
