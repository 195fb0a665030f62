/** The words of `guesthouse import` and `guesthouse export`. Their meaning is loaded when one is used. */
import type { Command } from "commander";
import type { ExportArguments, ImportArguments } from "./applianceActions.ts";

const load = () => import("./applianceActions.ts");
const collect = (value: string, values: readonly string[]): readonly string[] => [...values, value];
const MAC_OPTION = ["--mac <keepAll|keepNat|new>", "which hardware addresses of network adapters are kept"] as const;

export function addAppliance(program: Command, setStatus: (status: number) => void): void {
  program
    .command("import")
    .description("bring in machines from an OVA or OVF file, or from VirtualBox (.vbox) or VMware (.vmx)")
    .argument("<file>")
    .option("--dry-run", "only say what would come, edits included")
    .option("--configuration <id>", "one of the appliance's configurations")
    .option("--accept-licence", "agree to the licences of the machines")
    .option("--machine <number>", "the machine that the following options are about, from 0", "0")
    .option("--name <name>")
    .option("--type <id>", "kind of guest")
    .option("--memory <MiB>")
    .option(
      "--item <id,what=value,...>",
      "change an item: format=, subformat=, file=, if=, network= (repeatable)",
      collect,
      [],
    )
    .option("--skip <id>", "leave an item out (repeatable)", collect, [])
    .option("--skip-machine <number>", "leave a machine out (repeatable)", collect, [])
    .option("--format <format>", "what all disks become: qcow2, vdi, vmdk, vhd, vhdx or raw")
    .option("--in-place", "use the disks of a .vbox or .vmx machine where they lie")
    .option(...MAC_OPTION)
    .option("--json", "one line of JSON")
    .action(async (file: string, given: ImportArguments) => setStatus(await (await load()).importFile(file, given)));
  program
    .command("export")
    .description("pack machines up as an OVA file, or as an OVF file with its disks beside it")
    .argument("<names or ids...>")
    .requiredOption("--output <file>", "ends in .ova or .ovf")
    .option("--ovf <1.0|2.0>", "the version of the format", "1.0")
    .option("--vmware", "describe hardware that VMware's programs accept")
    .option("--no-manifest", "leave the checksums out")
    .option("--media", "optical discs and diskettes come along")
    .option("--decrypt", "encrypted disks come along, and everybody may read them then")
    .option("--passphrase-file <file>", "holds the passphrase of encrypted disks")
    .option("--product <text>")
    .option("--vendor <text>")
    .option("--product-version <text>")
    .option("--product-url <url>")
    .option("--vendor-url <url>")
    .option("--licence <file>", "a text that has to be agreed to")
    .option(...MAC_OPTION)
    .option("--json", "one line of JSON")
    .action(async (names: string[], given: ExportArguments) =>
      setStatus(await (await load()).exportFile(names, given)),
    );
}
