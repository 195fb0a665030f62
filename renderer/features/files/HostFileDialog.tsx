/**
 * A file dialog over the host's own folders, for shells that have no system dialog. It lists what the user who runs the host may
 * see; folders that may not be read say so instead of failing.
 */
import { ArrowUp, File, Folder, LoaderCircle, Lock } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { GridList, GridListItem, Text } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { FileEntry, HostProtocol } from "../../../engine/api/hostProtocol.ts";
import type { ResultOf } from "../../../engine/api/ProtocolSpec.ts";
import type { ChooseFileOptions } from "../../platform/HostPort.ts";
import { useServices } from "../../state/AppContext.tsx";
import { describeError } from "../../state/describeError.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { folderOf, formatBytes, formatDate } from "../../ui/formatQuantities.ts";
import { IconButton } from "../../ui/IconButton.tsx";
import { Notice } from "../../ui/Notice.tsx";
import { Select } from "../../ui/Select.tsx";
import { TextField } from "../../ui/TextField.tsx";
import "./files.css";
import { shownEntries } from "./shownEntries.ts";

type Listing = ResultOf<HostProtocol, "files.list">;

interface Folders {
  listing: Listing | undefined;
  busy: boolean;
  problem: string | undefined;
  go: (path: string | null) => void;
}

function useFolders(startAt: string | undefined): Folders {
  const { session } = useServices();
  const { t } = useTranslation();
  const [listing, setListing] = useState<Listing>();
  const [busy, setBusy] = useState(true);
  const [problem, setProblem] = useState<string>();
  const go = useCallback(
    (path: string | null) => {
      setBusy(true);
      session
        .call("files.list", { path })
        .then(
          (next) => {
            setListing(next);
            setProblem(undefined);
          },
          (error: unknown) => setProblem(describeError(error, t).sentence),
        )
        .finally(() => setBusy(false));
    },
    [session, t],
  );
  useEffect(() => {
    const begin = async () => {
      if (startAt === undefined) return go(null);
      const { exists, kind } = await session.call("files.stat", { path: startAt });
      go(!exists ? null : kind === "folder" ? startAt : folderOf(startAt));
    };
    begin().catch(() => go(null));
  }, [session, startAt, go]);
  return { listing, busy, problem, go };
}

function EntryRow({ entry }: { entry: FileEntry }) {
  const { t, i18n } = useTranslation();
  const Icon = !entry.readable ? Lock : entry.kind === "folder" ? Folder : File;
  return (
    <>
      <Icon size={16} aria-hidden className={entry.kind === "folder" ? "folder-icon" : ""} />
      <Text className="truncate file-name">{entry.name}</Text>
      <span className="file-size">{entry.kind === "file" ? formatBytes(entry.sizeBytes, i18n.language) : ""}</span>
      <span className="file-date">
        {entry.readable ? formatDate(entry.modifiedMs, i18n.language) : t("files.unreadable")}
      </span>
    </>
  );
}

interface FolderBarProps {
  folders: Folders;
  words: string;
  setWords: (words: string) => void;
}

/** Up, the path to type into, and the box that narrows the list. */
function FolderBar({ folders, words, setWords }: FolderBarProps) {
  const { t } = useTranslation();
  const [typedPath, setTypedPath] = useState<string>();
  const { listing, go } = folders;
  return (
    <div className="input-row">
      <IconButton name={t("files.up")} isDisabled={listing?.parent == null} onPress={() => go(listing?.parent ?? null)}>
        <ArrowUp size={16} aria-hidden />
      </IconButton>
      <form
        className="grow"
        onSubmit={(event) => {
          event.preventDefault();
          if (typedPath !== undefined && typedPath.trim() !== "") go(typedPath.trim());
          setTypedPath(undefined);
        }}
      >
        <TextField
          label={t("files.folder")}
          hideLabel
          mono
          value={typedPath ?? listing?.path ?? ""}
          onChange={setTypedPath}
        />
      </form>
      <div className="file-find">
        <TextField label={t("files.find")} hideLabel placeholder={t("files.find")} value={words} onChange={setWords} />
      </div>
    </div>
  );
}

interface FolderEntriesProps {
  folders: Folders;
  entries: readonly FileEntry[];
  chosen: string | undefined;
  choose: (path: string | undefined) => void;
  open: (path: string) => void;
}

function FolderEntries({ folders, entries, chosen, choose, open }: FolderEntriesProps) {
  const { t } = useTranslation();
  return (
    <GridList
      aria-label={t("files.contents", { folder: folders.listing?.path ?? "" })}
      className="file-entries"
      selectionMode="single"
      selectionBehavior="replace"
      selectedKeys={chosen === undefined ? [] : [chosen]}
      disabledKeys={entries.filter((entry) => !entry.readable).map((entry) => entry.path)}
      onSelectionChange={(keys) => {
        const [path] = keys === "all" ? [] : [...keys];
        choose(path === undefined ? undefined : String(path));
      }}
      onAction={(key) => open(String(key))}
      items={entries.map((entry) => ({ ...entry, id: entry.path }))}
      renderEmptyState={() => (
        <p className="file-empty quiet">
          {folders.busy ? <LoaderCircle size={16} className="spinner" aria-hidden /> : null}
          {folders.busy ? t("files.reading") : t("files.nothing")}
        </p>
      )}
    >
      {(entry) => (
        <GridListItem id={entry.path} textValue={entry.name} className="file-entry">
          <EntryRow entry={entry} />
        </GridListItem>
      )}
    </GridList>
  );
}

function Places({ folders }: { folders: Folders }) {
  const { t } = useTranslation();
  return (
    <nav className="file-places" aria-label={t("files.places")}>
      {(folders.listing?.places ?? []).map((place) => (
        <Button key={place.path} variant="flat" onPress={() => folders.go(place.path)}>
          <Folder size={15} aria-hidden />
          <span className="truncate">{place.label}</span>
        </Button>
      ))}
    </nav>
  );
}

/** Names in the folder, in the manner of its host. */
function pathInFolder(folder: string, name: string): string {
  const separator = folder.includes("\\") ? "\\" : "/";
  return `${folder.replace(/[\\/]$/, "")}${separator}${name.trim()}`;
}

/** What is chosen in the dialog, and how a click or Enter on an entry changes it. */
function useChoice(options: ChooseFileOptions, folders: Folders, finish: (path: string | undefined) => void) {
  const [filterIndex, setFilterIndex] = useState("0");
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState<string>();
  const [saveName, setSaveName] = useState("");
  const saving = options.mode === "save";
  const { listing } = folders;
  const entries = shownEntries(listing?.entries ?? [], options.filters[Number(filterIndex)]?.extensions ?? [], words);
  const find = (path: string | undefined) => entries.find((candidate) => candidate.path === path);
  const choose = (path: string | undefined) => {
    setChosen(path);
    const entry = find(path);
    if (saving && entry?.kind === "file") setSaveName(entry.name);
  };
  const open = (path: string) => {
    const entry = find(path);
    if (entry === undefined || !entry.readable) return;
    if (entry.kind === "folder") {
      setWords("");
      setChosen(undefined);
      folders.go(entry.path);
    } else if (!saving) finish(entry.path);
  };
  const file = find(chosen);
  const openable = file?.kind === "file" && file.readable ? file.path : undefined;
  const savable = listing !== undefined && saveName.trim() !== "" ? pathInFolder(listing.path, saveName) : undefined;
  const result = saving ? savable : openable;
  return { filterIndex, setFilterIndex, words, setWords, entries, chosen, choose, open, saveName, setSaveName, result };
}

export interface HostFileDialogProps {
  options: ChooseFileOptions;
  answer: (path: string | undefined) => void;
  onClose: () => void;
}

export function HostFileDialog({ options, answer, onClose }: HostFileDialogProps) {
  const { t } = useTranslation();
  const folders = useFolders(options.startAt);
  const finish = (path: string | undefined) => {
    onClose();
    answer(path);
  };
  const choice = useChoice(options, folders, finish);
  const saving = options.mode === "save";
  const footer = (
    <>
      <span className="grow file-filter">
        <Select
          label={t("files.kind")}
          hideLabel
          value={choice.filterIndex}
          onChange={choice.setFilterIndex}
          options={options.filters.map((filter, index) => ({ id: String(index), label: filter.label }))}
        />
      </span>
      <Button onPress={() => finish(undefined)}>{t("actions.cancel")}</Button>
      <Button variant="primary" isDisabled={choice.result === undefined} onPress={() => finish(choice.result)}>
        {saving ? t("files.save") : t("files.open")}
      </Button>
    </>
  );
  return (
    <Dialog title={options.title} width={820} height={560} onClose={() => finish(undefined)} footer={footer}>
      <div className="file-dialog">
        <Places folders={folders} />
        <div className="file-main">
          <FolderBar folders={folders} words={choice.words} setWords={choice.setWords} />
          {folders.problem === undefined ? null : <Notice kind="error">{folders.problem}</Notice>}
          {folders.listing?.readable === false ? <Notice kind="warning">{t("files.folderUnreadable")}</Notice> : null}
          <FolderEntries folders={folders} {...choice} />
          {saving ? (
            <TextField label={t("files.name")} value={choice.saveName} onChange={choice.setSaveName} autoFocus />
          ) : null}
        </div>
      </div>
    </Dialog>
  );
}
