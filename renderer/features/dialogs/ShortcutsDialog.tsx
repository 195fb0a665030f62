import { useTranslation } from "react-i18next";
import { useServices } from "../../state/AppContext.tsx";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

/** All shortcuts on one page: those of the main window, then the host key combinations of the console. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { session } = useServices();
  const ctrl = (key: string) => t("keys.ctrl", { key });
  const host = (key: string) => t("keys.host", { key });
  const manager: [string, string][] = [
    [session.port.capabilities.ownsAllKeys ? ctrl("N") : t("keys.alt", { key: "N" }), t("actions.newMachine")],
    [ctrl("A"), t("actions.addMachine")],
    [ctrl("I"), t("actions.import")],
    [ctrl("E"), t("actions.export")],
    [ctrl("D"), t("library.media")],
    [ctrl("S"), t("actions.settings")],
    [t("keys.ctrlShift", { key: "T" }), t("actions.takeSnapshot")],
    [ctrl("O"), t("actions.clone")],
    [ctrl("V"), t("actions.saveState")],
    [ctrl("J"), t("actions.discardState")],
    ["F2", t("actions.rename")],
    [`${ctrl("R")} / Del`, t("actions.remove")],
    ["Enter", t("shortcuts.startOrShow")],
    [ctrl("K"), t("palette.open")],
  ];
  const console: [string, string][] = [
    [t("keys.hostName"), t("shortcuts.hostAlone")],
    [host("F"), t("console.fullScreen")],
    [host("C"), t("console.toggleScaled")],
    [host("P"), t("shortcuts.pauseResume")],
    [host("R"), t("actions.reset")],
    [host("H"), t("actions.shutDown")],
    [host("T"), t("actions.takeSnapshot")],
    [host("V"), t("actions.saveState")],
    [host("E"), t("console.screenshot")],
    [host("S"), t("actions.settings")],
    [host("Del"), t("console.ctrlAltDelete")],
    [host("Q"), t("console.close")],
  ];
  const list = (rows: [string, string][]) => (
    <dl className="shortcut-list">
      {rows.map(([keys, what]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>
            <kbd>{keys}</kbd>
          </dd>
        </div>
      ))}
    </dl>
  );
  return (
    <Dialog
      title={t("menu.shortcuts")}
      width={640}
      onClose={onClose}
      footer={<Button onPress={onClose}>{t("actions.close")}</Button>}
    >
      <div className="shortcut-columns">
        <section>
          <h3>{t("shortcuts.manager")}</h3>
          {list(manager)}
        </section>
        <section>
          <h3>{t("shortcuts.console")}</h3>
          {list(console)}
        </section>
      </div>
    </Dialog>
  );
}
