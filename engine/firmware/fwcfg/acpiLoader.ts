import {
  buildDsdt,
  buildFacs,
  buildFadt,
  buildHpet,
  buildMadt,
  buildRsdp,
  buildRsdt,
  writeAscii,
} from "../tables/acpiTables.ts";

/**
 * The ACPI tables as files that replacement firmware places itself: `etc/acpi/tables`, `etc/acpi/rsdp`, and the script
 * `etc/table-loader` that tells where pointers and checksums stand (QEMU, BIOS linker/loader).
 */
export const TABLES_FILE = "etc/acpi/tables";
export const RSDP_FILE = "etc/acpi/rsdp";
export const LOADER_FILE = "etc/table-loader";

const COMMAND_BYTES = 128;
const NAME_BYTES = 56;
const ALLOCATE = 1;
const ADD_POINTER = 2;
const ADD_CHECKSUM = 3;
const ZONE_HIGH = 1;
const ZONE_FSEG = 2;
const FACS_ALIGNMENT = 64;

class LoaderScript {
  readonly #commands: Uint8Array[] = [];

  #command(kind: number): { bytes: Uint8Array; view: DataView } {
    const bytes = new Uint8Array(COMMAND_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, kind, true);
    this.#commands.push(bytes);
    return { bytes, view };
  }

  allocate(file: string, alignment: number, zone: number): void {
    const { bytes, view } = this.#command(ALLOCATE);
    writeAscii(bytes, 4, file);
    view.setUint32(4 + NAME_BYTES, alignment, true);
    bytes[8 + NAME_BYTES] = zone;
  }

  addPointer(file: string, target: string, offset: number, size: number): void {
    const { bytes, view } = this.#command(ADD_POINTER);
    writeAscii(bytes, 4, file);
    writeAscii(bytes, 4 + NAME_BYTES, target);
    view.setUint32(4 + 2 * NAME_BYTES, offset, true);
    bytes[8 + 2 * NAME_BYTES] = size;
  }

  addChecksum(file: string, offset: number, start: number, length: number): void {
    const { bytes, view } = this.#command(ADD_CHECKSUM);
    writeAscii(bytes, 4, file);
    view.setUint32(4 + NAME_BYTES, offset, true);
    view.setUint32(8 + NAME_BYTES, start, true);
    view.setUint32(12 + NAME_BYTES, length, true);
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#commands.length * COMMAND_BYTES);
    this.#commands.forEach((command, index) => {
      bytes.set(command, index * COMMAND_BYTES);
    });
    return bytes;
  }
}

export function acpiFiles(processors: number): { name: string; bytes: Uint8Array }[] {
  const parts: number[] = [];
  const append = (bytes: Uint8Array): number => {
    while (parts.length % 16 !== 0) parts.push(0);
    const at = parts.length;
    parts.push(...bytes);
    return at;
  };
  const facs = append(buildFacs());
  const dsdt = append(buildDsdt(processors));
  const fadt = append(buildFadt(facs, dsdt));
  const madt = append(buildMadt(processors));
  const hpet = append(buildHpet());
  const rsdt = append(buildRsdt([fadt, madt, hpet]));
  const rsdtLength = 36 + 12;
  const rsdp = buildRsdp(rsdt, 0).slice(0, 20);
  // Revision 0: there is an RSDT only.
  rsdp[15] = 0;
  const script = new LoaderScript();
  script.allocate(RSDP_FILE, 16, ZONE_FSEG);
  script.allocate(TABLES_FILE, FACS_ALIGNMENT, ZONE_HIGH);
  script.addPointer(TABLES_FILE, TABLES_FILE, fadt + 36, 4);
  script.addPointer(TABLES_FILE, TABLES_FILE, fadt + 40, 4);
  script.addPointer(TABLES_FILE, TABLES_FILE, fadt + 132, 8);
  script.addPointer(TABLES_FILE, TABLES_FILE, fadt + 140, 8);
  script.addChecksum(TABLES_FILE, fadt + 9, fadt, 244);
  for (let index = 0; index < 3; index++) script.addPointer(TABLES_FILE, TABLES_FILE, rsdt + 36 + index * 4, 4);
  script.addChecksum(TABLES_FILE, rsdt + 9, rsdt, rsdtLength);
  script.addPointer(RSDP_FILE, TABLES_FILE, 16, 4);
  script.addChecksum(RSDP_FILE, 8, 0, 20);
  return [
    { name: TABLES_FILE, bytes: Uint8Array.from(parts) },
    { name: RSDP_FILE, bytes: rsdp },
    { name: LOADER_FILE, bytes: script.finish() },
  ];
}
