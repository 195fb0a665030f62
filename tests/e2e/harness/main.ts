/**
 * The real page on the fake host, for looking at every screen without an engine. Served by Vite in development only; the query
 * says what the library holds: `?library=empty|some|many`.
 */
import { createRoot } from "react-dom/client";
import { mountApp } from "../../../renderer/app/mountApp.tsx";
import { FakeHost, fakeMachine } from "../../../renderer/platform/fakeHost.ts";
import { paintTextScreen, paintThumbnail } from "./paintTextScreen.ts";
import { someMedia, someSnapshots } from "./storedThings.ts";

const some = [
  fakeMachine(1, {
    name: "Debian 12",
    state: { kind: "running" },
    draft: {
      osType: "debian64",
      memoryMiB: 1024,
      description: "Build machine.\nLogin: ada",
      storage: {
        disks: [{ path: "disk.img" }, { path: "/home/ada/Images/data.qcow2", interface: "ahci" }],
        opticals: [{ path: "/home/ada/Images/debian-12.5.0-amd64-netinst.iso" }],
        floppies: [{ path: null }],
      },
      serial: [{ kind: "terminal" }, { kind: "file", path: "serial2.log" }],
    },
  }),
  fakeMachine(2, { name: "FreeDOS", draft: { osType: "freedos", memoryMiB: 32 } }),
  fakeMachine(3, { name: "Windows 98", state: { kind: "paused" }, draft: { osType: "windows98" } }),
  fakeMachine(4, {
    name: "NetBSD lab",
    state: { kind: "aborted", reason: "the engine process ended with signal SIGSEGV" },
    draft: { osType: "netbsd32" },
  }),
  fakeMachine(6, { name: "Plan 9", state: { kind: "saved" }, draft: { memoryMiB: 64 } }),
  fakeMachine(5, {
    name: "Old server",
    state: {
      kind: "inaccessible",
      file: "/home/ada/.local/share/guesthouse/machines/Old server/machine.json",
      reason: "The configuration is of version 7; this Guesthouse knows versions up to 1.",
    },
  }),
];
const many = Array.from({ length: 200 }, (_, index) =>
  fakeMachine(index + 1, { name: `Machine ${index + 1}`, draft: { osType: "debian32" } }),
);
const library = new URLSearchParams(location.search).get("library");
const host = new FakeHost({
  machines: library === "empty" ? [] : library === "many" ? many : some,
  media: library === "empty" ? [] : someMedia(some),
  snapshots: someSnapshots(some),
  thumbnail: () => paintThumbnail("Debian 12"),
  screen: (machine) => paintTextScreen(machine.name),
});
const root = document.getElementById("root");
if (root !== null) {
  const services = mountApp(createRoot(root), host);
  Object.assign(window, { host, services });
}
let second = 0;
setInterval(() => host.tick(second++), 1000);
