/**
 * `guesthouse import` and `guesthouse export`. Both go through the library's host, so that they work with and without an app that runs; progress shows on a
 * terminal, and an interrupt from the keyboard cancels and leaves nothing behind.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import * as v from "valibot";
import {
  type ApplianceDescription,
  type ApplianceEdits,
  type ApplianceItem,
  type ApplianceMachine,
  applianceItemEditSchema,
  macPolicySchema,
} from "../api/applianceProtocol.ts";
import type { HostClient } from "../api/HostClient.ts";
import type { Job } from "../api/MachineSummary.ts";
import { diskFormatSchema } from "../api/mediumProtocol.ts";
import { BadArguments } from "./BadArguments.ts";
import { exitStatus } from "./exitStatus.ts";
import { withHost } from "./HostAccess.ts";
import { findMachine, wholeNumber } from "./libraryActions.ts";
import { readPassphraseOption } from "./readPassphrase.ts";
import { showProgress } from "./showProgress.ts";
import { unlocking } from "./unlocking.ts";

export interface ImportArguments {
  readonly dryRun?: boolean;
  readonly configuration?: string;
  readonly acceptLicence?: boolean;
  readonly machine: string;
  readonly name?: string;
  readonly type?: string;
  readonly memory?: string;
  readonly item: readonly string[];
  readonly skip: readonly string[];
  readonly skipMachine: readonly string[];
  readonly format?: string;
  readonly inPlace?: boolean;
  readonly mac?: string;
  readonly json?: boolean;
}

export interface ExportArguments {
  readonly output: string;
  readonly ovf: string;
  readonly vmware?: boolean;
  readonly manifest: boolean;
  readonly media?: boolean;
  readonly decrypt?: boolean;
  readonly passphraseFile?: string;
  readonly product?: string;
  readonly vendor?: string;
  readonly productVersion?: string;
  readonly productUrl?: string;
  readonly vendorUrl?: string;
  readonly licence?: string;
  readonly mac?: string;
  readonly json?: boolean;
}

export async function importFile(file: string, given: ImportArguments): Promise<number> {
  const edits = importEdits(given);
  const order = { path: resolve(file), configuration: given.configuration ?? null, edits };
  return await withHost(false, async (client) => {
    if (given.dryRun === true) {
      const { appliance } = await client.call("appliance.inspect", order);
      console.log(given.json === true ? JSON.stringify(appliance) : describeAppliance(appliance));
      return exitStatus.done;
    }
    const { machines } = await watching(client, "importAppliance", "Importing", () =>
      client.call("appliance.import", order),
    );
    if (given.json === true) console.log(JSON.stringify(machines));
    else for (const { name, id } of machines) console.log(`Imported ${name} (${id})`);
    return exitStatus.done;
  });
}

export async function exportFile(names: readonly string[], given: ExportArguments): Promise<number> {
  if (given.ovf !== "1.0" && given.ovf !== "2.0") throw new BadArguments(`--ovf is 1.0 or 2.0, not ${given.ovf}`);
  const ovfVersion = given.ovf;
  const licence = given.licence === undefined ? undefined : await readFile(given.licence, "utf8");
  const passphrase = await readPassphraseOption(given.passphraseFile);
  return await withHost(false, async (client) => {
    const machineIds: string[] = [];
    for (const name of names) machineIds.push((await findMachine(client, name)).id);
    const extra = { product: productOf(given), ...(licence === undefined ? {} : { licence }) };
    const order = {
      machineIds,
      path: resolve(given.output),
      ovfVersion,
      variant: given.vmware === true ? "vmware" : "standard",
      manifest: given.manifest,
      media: given.media === true,
      macPolicy: macPolicy(given.mac) ?? "new",
      ...(given.decrypt === true ? { decrypt: true } : {}),
      products: machineIds.map((machineId) => ({ machineId, ...extra })),
    } as const;
    const result = await watching(client, "exportAppliance", "Exporting", () =>
      unlocking(passphrase, (known) => client.call("appliance.export", { ...order, passphrases: [...known] })),
    );
    console.log(given.json === true ? JSON.stringify(result) : `Exported to ${result.path}`);
    return exitStatus.done;
  });
}

function productOf({
  product,
  vendor,
  productVersion,
  productUrl,
  vendorUrl,
}: ExportArguments): Record<string, string> {
  const fields = { name: product, vendor, version: productVersion, productUrl, vendorUrl };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

export function importEdits(given: ImportArguments): ApplianceEdits {
  const index = wholeNumber("--machine", given.machine);
  const skipped = given.skipMachine.map((number) => wholeNumber("--skip-machine", number));
  const { name, type, memory, format, mac } = given;
  const items = [...given.item.map(itemEdit), ...given.skip.map((id) => ({ id, include: false }))];
  const own = {
    index,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { osType: type }),
    ...(memory === undefined ? {} : { memoryMiB: wholeNumber("--memory", memory) }),
    ...(items.length === 0 ? {} : { items }),
  };
  const policy = macPolicy(mac);
  return {
    machines: [
      ...(Object.keys(own).length > 1 ? [own] : []),
      ...skipped.map((number) => ({ index: number, include: false })),
    ],
    ...(format === undefined ? {} : { diskFormat: oneOf("--format", format, diskFormatSchema) }),
    ...(policy === undefined ? {} : { macPolicy: policy }),
    ...(given.acceptLicence === true ? { acceptLicences: true } : {}),
    ...(given.inPlace === true ? { inPlace: true } : {}),
  };
}

const editWords: Readonly<Record<string, string>> = {
  format: "format",
  subformat: "subformat",
  file: "fileName",
  if: "interface",
  network: "network",
};

/** "8,format=vdi,file=system.vdi" */
function itemEdit(text: string): v.InferOutput<typeof applianceItemEditSchema> {
  const [id, ...words] = text.split(",");
  const pairs = words.map((word) => {
    const at = word.indexOf("=");
    const key = Object.hasOwn(editWords, word.slice(0, at)) ? editWords[word.slice(0, at)] : undefined;
    if (at < 0 || key === undefined) throw new BadArguments(`--item takes id,what=value,... and not ${word}`);
    return [key, word.slice(at + 1)] as const;
  });
  const parsed = v.safeParse(applianceItemEditSchema, { id, ...Object.fromEntries(pairs) });
  if (!parsed.success) throw new BadArguments(`--item ${text}: ${parsed.issues[0].message}`);
  return parsed.output;
}

function macPolicy(text: string | undefined): v.InferOutput<typeof macPolicySchema> | undefined {
  return text === undefined ? undefined : oneOf("--mac", text, macPolicySchema);
}

function oneOf<S extends typeof diskFormatSchema | typeof macPolicySchema>(
  option: string,
  text: string,
  schema: S,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, text);
  if (!parsed.success) throw new BadArguments(`${option} is one of ${schema.options.join(", ")}, not ${text}`);
  return parsed.output as v.InferOutput<S>;
}

/** Shows the job's progress while the call runs; an interrupt cancels it. */
async function watching<T>(client: HostClient, kind: Job["kind"], title: string, call: () => Promise<T>): Promise<T> {
  const line = showProgress(title);
  let jobId: string | undefined;
  const subscription = client.on("job.changed", ({ job }) => {
    if (job.kind !== kind || job.state !== "running") return;
    jobId = job.id;
    if (job.total > 0) line.report(job.done / job.total);
  });
  const interrupt = (): void => {
    if (jobId !== undefined) client.call("jobs.cancel", { jobId }).catch(() => {});
  };
  process.on("SIGINT", interrupt);
  try {
    return await call();
  } finally {
    process.off("SIGINT", interrupt);
    subscription.dispose();
    line.end();
  }
}

function describeAppliance(appliance: ApplianceDescription): string {
  const { kind, ovfVersion, dialect, manifest, signer, configurations, notes } = appliance;
  const version = ovfVersion === null ? "" : `, OVF ${ovfVersion}`;
  return [
    `${appliance.path}: ${kind}${version}, ${dialect}, ${manifest === null ? "no checksums" : `checksums by ${manifest}`}`,
    ...(signer === null ? [] : [`signed by ${signer}`]),
    ...notes.map(({ message }) => `  ! ${message}`),
    ...configurations.map(({ id, label, chosen }) => `  ${chosen ? "*" : " "} configuration ${id}: ${label}`),
    ...appliance.machines.flatMap(describeMachine),
  ].join("\n");
}

function describeMachine(machine: ApplianceMachine): string[] {
  const { index, name, osType, memoryMiB, firmware, licence, included } = machine;
  return [
    `machine ${index}: ${name} (${osType}, ${memoryMiB} MiB, ${firmware})${included ? "" : ", left out"}`,
    ...machine.notes.map(({ message }) => `    ! ${message}`),
    ...(licence === ""
      ? []
      : ["    ! It has a licence that has to be agreed to:", ...licence.split("\n").map((line) => `      | ${line}`)]),
    ...machine.items.flatMap(describeItem),
  ];
}

function describeItem(item: ApplianceItem): string[] {
  return [
    `  ${item.outcome.padEnd(7)} ${item.kind.padEnd(10)} ${item.id}: ${item.label}${detailsOf(item)}`,
    ...item.notes.map(({ message }) => `    ! ${message}`),
  ];
}

function detailsOf(item: ApplianceItem): string {
  if (item.kind === "disk") {
    const size = item.capacityBytes === 0 ? "" : ` (${Math.ceil(item.capacityBytes / 2 ** 20)} MiB)`;
    return `, ${item.file ?? "new"}${size} -> ${item.target.fileName}${item.interface === null ? "" : ` on ${item.interface}`}`;
  }
  if (item.kind === "optical" || item.kind === "floppy") return item.file === null ? "" : `, ${item.file}`;
  return item.kind === "network" ? `, ${item.model} on ${item.network}` : "";
}
