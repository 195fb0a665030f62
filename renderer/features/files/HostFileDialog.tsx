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

export interface HostFileDialogProps {
  options: ChooseFileOptions;
  answer: (path: string | undefined) => void;
  onClose: () => void;
}

export function HostFileDialog({ options, answer, onClose }: HostFileDialogProps) {
  const { t } = useTranslation();
  const { listing, busy, problem, go } = useFolders(options.startAt);
  const [filterIndex, setFilterIndex] = useState("0");
  const [words, setWords] = useState("");
  const [chosen, setChosen] = useState<string>();
  const [saveName, setSaveName] = useState("");
  const [typedPath, setTypedPath] = useState<string>();
  const saving = options.mode === "save";
  const filter = options.filters[Number(filterIndex)];
  const entries = shownEntries(listing?.entries ?? [], filter?.extensions ?? [], words);

  const finish = (path: string | undefined) => {
    onClose();
    answer(path);
  };
  const open = (path: string) => {
    const entry = entries.find((candidate) => candidate.path === path);
    if (entry === undefined || !entry.readable) return;
    if (entry.kind === "folder") {
      setWords("");
      setChosen(undefined);
      go(entry.path);
    } else if (saving) setSaveName(entry.name);
    else finish(entry.path);
  };
  const chosenEntry = entries.find((entry) => entry.path === chosen);
  const folder = listing?.path ?? "";
  const separator = folder.includes("\\") ? "\\" : "/";
  const savePath = `${folder.replace(/[\\/]$/, "")}${separator}${saveName.trim()}`;
  const ready = saving
    ? saveName.trim() !== "" && listing !== undefined
    : chosenEntry?.kind === "file" && chosenEntry.readable;

  return (
    <Dialog
      title={options.title}
      width={820}
      height={560}
      onClose={() => finish(undefined)}
      footer={
        <>
          <span className="grow file-filter">
            <Select
              label={t("files.kind")}
              hideLabel
              value={filterIndex}
              onChange={setFilterIndex}
              options={options.filters.map((candidate, index) => ({ id: String(index), label: candidate.label }))}
            />
          </span>
          <Button onPress={() => finish(undefined)}>{t("actions.cancel")}</Button>
          <Button variant="primary" isDisabled={!ready} onPress={() => finish(saving ? savePath : chosenEntry?.path)}>
            {saving ? t("files.save") : t("files.open")}
          </Button>
        </>
      }
    >
      <div className="file-dialog">
        <nav className="file-places" aria-label={t("files.places")}>
          {(listing?.places ?? []).map((place) => (
            <Button key={place.path} variant="flat" onPress={() => go(place.path)}>
              <Folder size={15} aria-hidden />
              <span className="truncate">{place.label}</span>
            </Button>
          ))}
        </nav>
        <div className="file-main">
          <form
            className="input-row"
            onSubmit={(event) => {
              event.preventDefault();
              if (typedPath !== undefined && typedPath.trim() !== "") go(typedPath.trim());
              setTypedPath(undefined);
            }}
          >
            <IconButton
              name={t("files.up")}
              isDisabled={listing?.parent == null}
              onPress={() => go(listing?.parent ?? null)}
            >
              <ArrowUp size={16} aria-hidden />
            </IconButton>
            <div className="grow">
              <TextField label={t("files.folder")} hideLabel mono value={typedPath ?? folder} onChange={setTypedPath} />
            </div>
            <div className="file-find">
              <TextField
                label={t("files.find")}
                hideLabel
                placeholder={t("files.find")}
                value={words}
                onChange={setWords}
              />
            </div>
          </form>
          {problem === undefined ? null : <Notice kind="error">{problem}</Notice>}
          {listing !== undefined && !listing.readable ? (
            <Notice kind="warning">{t("files.folderUnreadable")}</Notice>
          ) : null}
          <GridList
            aria-label={t("files.contents", { folder })}
            className="file-entries"
            selectionMode="single"
            selectionBehavior="replace"
            selectedKeys={chosen === undefined ? [] : [chosen]}
            disabledKeys={entries.filter((entry) => !entry.readable).map((entry) => entry.path)}
            onSelectionChange={(keys) => {
              const [path] = keys === "all" ? [] : [...keys];
              setChosen(path === undefined ? undefined : String(path));
              const entry = entries.find((candidate) => candidate.path === path);
              if (saving && entry?.kind === "file") setSaveName(entry.name);
            }}
            onAction={(key) => open(String(key))}
            items={entries.map((entry) => ({ ...entry, id: entry.path }))}
            renderEmptyState={() => (
              <p className="file-empty quiet">
                {busy ? <LoaderCircle size={16} className="spinner" aria-hidden /> : null}
                {busy ? t("files.reading") : t("files.nothing")}
              </p>
            )}
          >
            {(entry) => (
              <GridListItem id={entry.path} textValue={entry.name} className="file-entry">
                <EntryRow entry={entry} />
              </GridListItem>
            )}
          </GridList>
          {saving ? <TextField label={t("files.name")} value={saveName} onChange={setSaveName} autoFocus /> : null}
        </div>
      </div>
    </Dialog>
  );
}
