import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import type { DiskFormat } from "../../../contracts/DiskImage.ts";
import { createQcow2, type Qcow2Layout, qcow2Format } from "./qcow2Format.ts";

/** Small clusters reach every table, and every growth of one, within a small disk. */
function withLayout(layout: Qcow2Layout): DiskFormat {
  return { ...qcow2Format, create: (opener, name, options) => createQcow2(opener, name, options, layout) };
}

const tiny = withLayout({ version: 3, clusterBits: 9, refcountOrder: 4, compression: "zlib" });
const wide = withLayout({ version: 3, clusterBits: 10, refcountOrder: 6, compression: "zlib" });
const narrow = withLayout({ version: 3, clusterBits: 12, refcountOrder: 0, compression: "zstd" });
const medium = withLayout({ version: 3, clusterBits: 14, refcountOrder: 4, compression: "zlib" });
const old = withLayout({ version: 2, clusterBits: 12, refcountOrder: 4, compression: "zlib" });

diskImageConformance("QCOW2", { format: qcow2Format });
diskImageConformance("QCOW2 over a raw disk", { format: qcow2Format, differencing: true });
diskImageConformance("QCOW2 with tiny clusters over a shorter disk", {
  format: tiny,
  differencing: true,
  backingSectorCount: 1999,
});
diskImageConformance("QCOW2 with wide refcounts", { format: wide });
diskImageConformance("QCOW2 with one-bit refcounts", { format: narrow, sectorCount: 4999 });
diskImageConformance("QCOW2 version 2", { format: old });
diskImageConformance("QCOW2 version 2 over a longer disk", {
  format: old,
  differencing: true,
  backingSectorCount: 9000,
  without: ["zero"],
});
diskImageConformance("encrypted QCOW2 over a raw disk", {
  format: medium,
  differencing: true,
  passphrase: "a house of cards",
  without: ["crash"],
});
