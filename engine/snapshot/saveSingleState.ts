import type { ByteStore } from "../contracts/BlockDevice.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import type { CapturedState, RestorableState } from "../contracts/MachineStateParts.ts";
import { damaged } from "./codecNumbers.ts";
import { StateFile } from "./container/StateFile.ts";
import { StateFileWriter } from "./container/StateFileWriter.ts";
import type { StateHeader } from "./container/stateFileLayout.ts";
import { PagePack } from "./pages/PagePack.ts";
import { PagePackWriter } from "./pages/PagePackWriter.ts";
import type { PageTable } from "./pages/PageTable.ts";
import { savePages } from "./pages/savePages.ts";
import type { SnapshotServices } from "./SnapshotServices.ts";
import { checkVersion, PAGES_SECTION, PAGES_VERSION, toRestorable, writeSections } from "./stateSections.ts";

/** A state in one file that needs no other: its only pack is a section of its own. */
const OWN_PACK = "";

/** Writes it all, flushed, into an empty store. The captured pages are taken whatever happens. */
export async function saveSingleState(
  store: ByteStore,
  header: StateHeader,
  captured: CapturedState,
  services: SnapshotServices,
  work: LongWork = {},
): Promise<void> {
  try {
    const writer = new StateFileWriter(store, services);
    await writer.writeHeader(header);
    let table: PageTable | undefined;
    await writer.streamSection(PAGES_SECTION, PAGES_VERSION, async (sink) => {
      const pack = new PagePackWriter(sink, services);
      await pack.begin();
      table = await savePages(captured, pack, OWN_PACK, undefined, services, work);
      await pack.finish();
    });
    await writeSections(writer, captured, table!);
    await writer.finish();
  } finally {
    captured.ram.dispose();
  }
}

/**
 * Opens and checks such a file; the store must stay open until the RAM has been read. Throws a GuesthouseError, see `StateFile`. Whether the state is
 * of this machine is for the caller to check before ("checkDescription").
 */
export async function openSingleState(
  store: ByteStore,
  services: SnapshotServices,
): Promise<{ header: StateHeader; load: (label: string) => Promise<RestorableState> }> {
  const file = await StateFile.open(store, services);
  const load = async (label: string): Promise<RestorableState> => {
    const pages = file.section(PAGES_SECTION);
    checkVersion(pages, PAGES_VERSION);
    const pack = await PagePack.open({ store, offset: pages.offset, length: pages.storedBytes }, services);
    const openPack = async (name: string): Promise<PagePack> => {
      if (name !== OWN_PACK) throw damaged("It needs the pages of another.", { name });
      return pack;
    };
    return await toRestorable(file, label, openPack, services);
  };
  return { header: file.header, load };
}
