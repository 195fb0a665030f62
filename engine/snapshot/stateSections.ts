import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { CapturedState, RestorableState, StateSection } from "../contracts/MachineStateParts.ts";
import { STATE_PAGE_BYTES } from "../contracts/MachineStateParts.ts";
import type { StateFile } from "./container/StateFile.ts";
import type { StateFileWriter } from "./container/StateFileWriter.ts";
import type { PagePack } from "./pages/PagePack.ts";
import { PAGE_TABLE_VERSION, PageTable } from "./pages/PageTable.ts";
import { UnpackingRam } from "./pages/UnpackingRam.ts";
import type { SnapshotServices } from "./SnapshotServices.ts";

/** The sections that this room adds to the machine's own: where its RAM is, and in a state of one file the pages themselves. */
export const RAM_SECTION = "ram";
export const PAGES_SECTION = "pages";
export const PAGES_VERSION = 1;

export async function writeSections(writer: StateFileWriter, captured: CapturedState, table: PageTable): Promise<void> {
  for (const section of captured.sections) await writer.writeSection(section);
  await writer.writeSection({ id: RAM_SECTION, version: PAGE_TABLE_VERSION, payload: table.encode() });
}

export async function readPageTable(file: StateFile): Promise<PageTable> {
  const section = await file.read(RAM_SECTION);
  checkVersion(section, PAGE_TABLE_VERSION);
  return PageTable.decode(section.payload);
}

/** Everything that a machine takes. All is checked but the pages, which are as they are read. */
export async function toRestorable(
  file: StateFile,
  label: string,
  openPack: (name: string) => Promise<PagePack>,
  services: SnapshotServices,
): Promise<RestorableState> {
  const table = await readPageTable(file);
  const sections = await file.readAll([RAM_SECTION, PAGES_SECTION]);
  return {
    label,
    sections,
    ramBytes: table.pageCount * STATE_PAGE_BYTES,
    readRam: (target) => UnpackingRam.of(table, openPack, target, services),
  };
}

export function checkVersion({ id, version }: Pick<StateSection, "id" | "version">, expected: number): void {
  if (version === expected) return;
  throw new GuesthouseError("state-version", `The saved state of “${id}” has version ${version}, not ${expected}.`, {
    section: id,
    version,
    expected,
  });
}
