/** The commands on appliances: the dry run, the import, the export. */
import { stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import type {
  ApplianceEdits,
  ApplianceExport,
  applianceCommands as applianceProtocol,
} from "../api/applianceProtocol.ts";
import type { HostProtocol } from "../api/hostProtocol.ts";
import type { Job, MachineSummary } from "../api/MachineSummary.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { applyEdits } from "../appliance/applyEdits.ts";
import { planImport } from "../appliance/planImport.ts";
import { GuesthouseError } from "../base/GuesthouseError.ts";
import type { LongWork } from "../contracts/DiskImage.ts";
import { demandReadable, exportMachines } from "./exportMachines.ts";
import type { HostConnection } from "./HostConnection.ts";
import { importAppliance } from "./importAppliance.ts";
import type { JobList } from "./JobList.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import type { MediaRegistry } from "./MediaRegistry.ts";
import { type OpenedAppliance, openAppliance } from "./openAppliance.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;

export interface ApplianceContext {
  readonly registry: MachineRegistry;
  readonly media: MediaRegistry;
  readonly jobs: JobList;
  /** Tells all clients. */
  changed(change: { changed: MachineSummary[]; removed: string[] }): void;
}

export function applianceCommands(context: ApplianceContext): Pick<Handlers, keyof typeof applianceProtocol> {
  return {
    "appliance.inspect": ({ path, configuration, edits }) =>
      withAppliance(path, configuration, async ({ inspected: { description } }) => ({
        appliance: edits === undefined ? description : applyEdits(description, edits),
      })),
    "appliance.import": ({ path, configuration, edits }) =>
      withAppliance(path, configuration, async (appliance) => ({
        machines: await runImport(context, appliance, edits),
      })),
    "appliance.export": (order) => runExport(context, order),
  };
}

async function withAppliance<T>(
  path: string,
  configuration: string | null,
  action: (appliance: OpenedAppliance) => Promise<T>,
): Promise<T> {
  const appliance = await openAppliance(whole(path), configuration);
  try {
    return await action(appliance);
  } finally {
    await appliance.close();
  }
}

function whole(path: string): string {
  if (!isAbsolute(path)) throw new GuesthouseError("file-missing", `This is not a whole path: ${path}`, { path });
  return path;
}

async function runImport(
  { registry, jobs, changed }: ApplianceContext,
  appliance: OpenedAppliance,
  edits: ApplianceEdits,
): Promise<MachineSummary[]> {
  const edited = { ...appliance.inspected, description: applyEdits(appliance.inspected.description, edits) };
  const plan = planImport(edited, edits.acceptLicences === true);
  const subject = basename(edited.description.path);
  const records = await inJob(jobs, "importAppliance", subject, (work) =>
    importAppliance(registry, appliance, plan, edits.inPlace === true, work),
  );
  const machines = records.map((record) => registry.summary(record));
  changed({ changed: machines, removed: [] });
  return machines;
}

async function runExport(
  { registry, media, jobs }: ApplianceContext,
  order: ApplianceExport,
): Promise<{ path: string; sizeBytes: number; files: string[] }> {
  const path = whole(order.path);
  const trusted = await media.trusted();
  const mayUse = (file: string): boolean => trusted.includes(file);
  await demandReadable(registry.library, order, mayUse);
  const files = await inJob(jobs, "exportAppliance", basename(path), (work) =>
    exportMachines(registry.library, order, mayUse, work),
  );
  let sizeBytes = 0;
  for (const name of files) sizeBytes += (await stat(join(dirname(path), name))).size;
  return { path, sizeBytes, files };
}

async function inJob<T>(
  jobs: JobList,
  kind: Job["kind"],
  subject: string,
  action: (work: LongWork) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  await jobs.run({ kind, subject, machineId: null }, async (progress, signal) => {
    let shown = -1;
    const onProgress = (fraction: number): void => {
      const permille = Math.floor(fraction * 1000);
      if (permille === shown) return;
      shown = permille;
      progress(permille, 1000);
    };
    result = { value: await action({ onProgress, signal }) };
  });
  if (result === undefined) throw new Error("The job ended without a result.");
  return result.value;
}
