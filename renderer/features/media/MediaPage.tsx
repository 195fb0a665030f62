import { FilePlus2, Plus, Search } from "lucide-react";
import { useEffect, useState } from "react";
import { SearchField as AriaSearchField, Input, Tab, TabList, TabPanel, Tabs, Toolbar } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { Medium, MediumKind } from "../../../engine/api/mediumProtocol.ts";
import { navigate } from "../../app/routes.ts";
import { useAttempt, useHost, useServices } from "../../state/AppContext.tsx";
import { useFileChooser, useFileFilters } from "../../state/useFileChooser.ts";
import { Button } from "../../ui/Button.tsx";
import type { MenuAction } from "../../ui/Menu.tsx";
import { flattenForest, mediaForest } from "./mediaForest.ts";
import "./media.css";
import { MediumDetails } from "./MediumDetails.tsx";
import { MediumTree } from "./MediumTree.tsx";
import { useMediumActions } from "./useMediumActions.tsx";

const kinds: readonly MediumKind[] = ["disk", "optical", "floppy"];

/** Asks the host for the media as long as the page is open. */
function useMedia(): readonly Medium[] | undefined {
  const { t } = useTranslation();
  const { session } = useServices();
  const attempt = useAttempt();
  const loaded = useHost((state) => state.loaded);
  useEffect(() => {
    if (!loaded) return;
    const read = () => void attempt(t("failure.readMedia"), () => session.loadMedia());
    read();
    // Whoever comes back from elsewhere may have moved or deleted files there.
    addEventListener("focus", read);
    return () => removeEventListener("focus", read);
  }, [session, attempt, t, loaded]);
  return useHost((state) => state.media);
}

function ToolButton({ action }: { action: MenuAction }) {
  return (
    <Button variant="flat" isDisabled={action.disabled ?? false} onPress={action.run}>
      {action.icon}
      {action.label}
    </Button>
  );
}

function MediaToolbar({
  kind,
  actions,
  onNew,
}: {
  kind: MediumKind;
  actions: readonly MenuAction[];
  onNew: (path: string) => void;
}) {
  const { t } = useTranslation();
  const { session, shell } = useServices();
  const attempt = useAttempt();
  const chooseFile = useFileChooser();
  const filters = useFileFilters();
  const info = useHost((state) => state.info);
  const add = async () => {
    const path = await chooseFile({ title: t(`drive.choose.${kind}`), mode: "open", filters: filters(kind) });
    if (path === undefined) return;
    await attempt(t("failure.addMedium"), async () => {
      onNew((await session.call("media.add", { path, kind })).medium.path);
    });
  };
  return (
    <Toolbar className="toolbar" aria-label={t("media.toolbar")}>
      {kind === "optical" ? null : (
        <Button
          variant="flat"
          onPress={() =>
            shell.open({
              kind: kind === "disk" ? "createDisk" : "createDiskette",
              folder: info?.dataFolder ?? "",
              made: onNew,
            })
          }
        >
          <FilePlus2 size={16} aria-hidden />
          {t("media.create")}
        </Button>
      )}
      <Button variant="flat" onPress={() => void add()}>
        <Plus size={16} aria-hidden />
        {t("media.add")}
      </Button>
      <span className="toolbar-divider" />
      {actions.map((action) => (
        <ToolButton key={action.id} action={action} />
      ))}
    </Toolbar>
  );
}

function MediaOfKind({ kind, media, search }: { kind: MediumKind; media: readonly Medium[]; search: string }) {
  const { t } = useTranslation();
  const [path, setPath] = useState<string>();
  const forest = mediaForest(media, kind, search);
  const shown = flattenForest(forest);
  const selected = shown.find((medium) => medium.path === path);
  const actions = useMediumActions(selected);
  const remove = actions.find((action) => action.id === "remove");
  return (
    <>
      <MediaToolbar kind={kind} actions={actions} onNew={setPath} />
      <MediumTree
        label={t(`media.kind.${kind}`)}
        forest={forest}
        selected={selected}
        onSelect={setPath}
        menu={actions}
        empty={search.trim() === "" ? t("media.none") : t("media.noneMatch")}
        onRemove={() => {
          if (remove?.disabled === false) remove.run();
        }}
      />
      {selected === undefined ? null : <MediumDetails key={selected.path} medium={selected} />}
    </>
  );
}

/** All files that hold disks and discs: what they are, what uses them, and what can be done with them. */
export function MediaPage({ tab }: { tab: MediumKind }) {
  const { t } = useTranslation();
  const media = useMedia();
  const [search, setSearch] = useState("");
  return (
    <div className="media-page">
      <header className="media-header">
        <h1>{t("library.media")}</h1>
        <AriaSearchField className="media-search" aria-label={t("media.search")} value={search} onChange={setSearch}>
          <Search size={14} aria-hidden />
          <Input className="input" placeholder={t("media.search")} />
        </AriaSearchField>
      </header>
      <Tabs
        className="tabs"
        selectedKey={tab}
        onSelectionChange={(key) => navigate({ kind: "media", tab: key as MediumKind })}
      >
        <TabList className="tab-list" aria-label={t("library.media")}>
          {kinds.map((kind) => (
            <Tab key={kind} id={kind} className="tab">
              {t(`media.kind.${kind}`)}
            </Tab>
          ))}
        </TabList>
        {kinds.map((kind) => (
          <TabPanel key={kind} id={kind} className="tab-panel media-panel">
            <MediaOfKind kind={kind} media={media ?? []} search={search} />
          </TabPanel>
        ))}
      </Tabs>
    </div>
  );
}
