/** An appliance to look at: two machines, one of them with all that an importer warns of; importing makes machines of them. */
import type { ApplianceDescription, ApplianceEdits } from "../../engine/api/applianceProtocol.ts";
import type { HostProtocol } from "../../engine/api/hostProtocol.ts";
import { defaultMachineDraft, type MachineDraft } from "../../engine/api/MachineConfig.ts";
import type { MachineSummary } from "../../engine/api/MachineSummary.ts";
import type { ParamsOf, ResultOf } from "../../engine/api/ProtocolSpec.ts";
import { GuesthouseError } from "../../engine/base/GuesthouseError.ts";
import type { FakeJobs } from "./FakeJobs.ts";

const none = { notes: [], outcome: "mapped" as const };

function web(): ApplianceDescription["machines"][number] {
  return {
    index: 0,
    included: true,
    id: "web",
    name: "Web server",
    description: "Debian with a web server.",
    osType: "debian64",
    foreignOsType: "Debian_64",
    cpus: 1,
    memoryMiB: 1024,
    firmware: "bios",
    secureBoot: false,
    bootOrder: ["cdrom", "disk"],
    rtcUtc: true,
    cpuLevel: null,
    hardware: "virtualbox-2.2",
    product: {
      name: "Web server",
      vendor: "Example",
      version: "1.2",
      fullVersion: "1.2.0",
      productUrl: "",
      vendorUrl: "",
      appUrl: "",
    },
    properties: [],
    licence: "You may run this appliance.\nYou may not sell it.\n\nNo warranty is given.",
    items: [
      { kind: "controller", id: "3", label: "SATA Controller", bus: "sata", model: "AHCI", ...none },
      {
        kind: "disk",
        id: "7",
        label: "disk1",
        ...none,
        controller: "3",
        position: 0,
        file: "web-disk001.vmdk",
        format: "vmdk",
        capacityBytes: 8 * 2 ** 30,
        storedBytes: 812 * 2 ** 20,
        interface: "ahci",
        target: { format: "qcow2", subformat: null, fileName: "web-disk001.qcow2" },
      },
      {
        kind: "optical",
        id: "8",
        label: "CD drive",
        ...none,
        controller: "3",
        position: 1,
        file: null,
        interface: "ahci",
      },
      {
        kind: "network",
        id: "9",
        label: "Ethernet adapter on 'NAT'",
        outcome: "skipped",
        notes: [{ code: "no-such-device", message: "Guesthouse has no network adapters yet." }],
        model: "E1000",
        network: "NAT",
        mac: "080027AABBCC",
      },
      {
        kind: "sound",
        id: "10",
        label: "sound",
        outcome: "skipped",
        notes: [{ code: "no-such-device", message: "Guesthouse has no sound yet." }],
        model: "ensoniq1371",
      },
    ],
    notes: [{ code: "cpus-reduced", message: "The machine had 2 processors and gets 1." }],
  };
}

export function fakeAppliance(path: string): ApplianceDescription {
  return {
    path,
    kind: "ova",
    ovfVersion: "1.0",
    dialect: "virtualbox",
    manifest: "sha256",
    certificate: "absent",
    signer: null,
    networks: [{ name: "NAT", description: "The NAT network" }],
    configurations: [],
    files: [{ name: "web-disk001.vmdk", sizeBytes: 812 * 2 ** 20, present: true }],
    machines: [web()],
    notes: [{ code: "section-ignored", message: "The section StartupSection is ignored." }],
  };
}

export interface FakeAppliancesOptions {
  jobs: FakeJobs;
  add: (draft: MachineDraft) => MachineSummary;
}

export class FakeAppliances {
  readonly #options: FakeAppliancesOptions;
  /** The edits of the last import. */
  imported: ApplianceEdits | undefined;

  constructor(options: FakeAppliancesOptions) {
    this.#options = options;
  }

  async #import({ path, edits }: ParamsOf<HostProtocol, "appliance.import">) {
    const { machines } = fakeAppliance(path);
    const included = machines.filter(
      ({ index }) => edits.machines.find((edit) => edit.index === index)?.include !== false,
    );
    if (included.some(({ licence }) => licence !== "") && edits.acceptLicences !== true) {
      throw new GuesthouseError("licence-not-accepted", "The licence was not agreed to.", {});
    }
    this.imported = edits;
    await this.#options.jobs.work("importAppliance", path.slice(path.lastIndexOf("/") + 1), null);
    return {
      machines: included.map(({ index, name, memoryMiB, osType }) => {
        const edit = edits.machines.find((candidate) => candidate.index === index);
        const draft = { ...defaultMachineDraft(edit?.name ?? name), memoryMiB: edit?.memoryMiB ?? memoryMiB };
        return this.#options.add({ ...draft, osType: edit?.osType ?? osType });
      }),
    };
  }

  async #export({
    path,
  }: ParamsOf<HostProtocol, "appliance.export">): Promise<ResultOf<HostProtocol, "appliance.export">> {
    await this.#options.jobs.work("exportAppliance", path.slice(path.lastIndexOf("/") + 1), null);
    return { path, sizeBytes: 812 * 2 ** 20, files: [path] };
  }

  handlers() {
    return {
      "appliance.inspect": ({ path }: { path: string }) => {
        if (!/\.(ova|ovf|vbox|vmx)$/.test(path)) {
          throw new GuesthouseError("corrupt-appliance", "This is no appliance.", { path });
        }
        return { appliance: fakeAppliance(path) };
      },
      "appliance.import": (params: ParamsOf<HostProtocol, "appliance.import">) => this.#import(params),
      "appliance.export": (params: ParamsOf<HostProtocol, "appliance.export">) => this.#export(params),
    };
  }
}
