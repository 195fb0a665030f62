/** A small made-up tree of folders for the fake host. */
import type { FileEntry, HostProtocol } from "../../engine/api/hostProtocol.ts";
import type { ResultOf } from "../../engine/api/ProtocolSpec.ts";

const home = "/home/ada";
const isos: readonly [string, number][] = [
  ["debian-12.5.0-amd64-netinst.iso", 659_554_304],
  ["alpine-virt-3.19.1-x86_64.iso", 62_914_560],
  ["FD13LIVE.iso", 402_653_184],
  ["TinyCore-current.iso", 24_117_248],
  ["win98se.iso", 649_912_320],
  ["notes.txt", 1204],
];

function entry(folder: string, name: string, kind: FileEntry["kind"], sizeBytes: number, readable = true): FileEntry {
  return { name, path: `${folder}/${name}`, kind, sizeBytes, modifiedMs: 1_700_000_000_000, readable };
}

export function fakeFolder(path: string): ResultOf<HostProtocol, "files.list"> {
  const entries = path.endsWith("/Images")
    ? isos.map(([name, size]) => entry(path, name, "file", size))
    : [
        entry(path, "Documents", "folder", 0),
        entry(path, "Images", "folder", 0),
        entry(path, "Private", "folder", 0, false),
        entry(path, ".cache", "folder", 0),
        entry(path, "boot.img", "file", 1_474_560),
      ];
  return {
    path,
    parent: path === "/" ? null : path.slice(0, path.lastIndexOf("/")) || "/",
    readable: true,
    entries,
    places: [
      { label: "ada", path: home },
      { label: "Images", path: `${home}/Images` },
      { label: "/", path: "/" },
    ],
  };
}
