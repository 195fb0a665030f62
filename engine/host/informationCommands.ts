/** The commands that only look: the host, its files, logs, jobs and the catalogue. */
import { arch, cpus, freemem, homedir, totalmem } from "node:os";
import type { HostInfo, HostProtocol } from "../api/hostProtocol.ts";
import { osTypes } from "../api/osTypes.ts";
import type { CommandHandlers } from "../api/ProtocolServer.ts";
import { freeBytes } from "./diskSize.ts";
import { listFolder, statFile } from "./FileBrowser.ts";
import type { HostConnection } from "./HostConnection.ts";
import { appVersion } from "./installation.ts";
import type { JobList } from "./JobList.ts";
import type { MachineRegistry } from "./MachineRegistry.ts";
import { listRuns, readRun } from "./RunLog.ts";

type Handlers = CommandHandlers<HostProtocol, HostConnection>;
type InformationCommand = Extract<
  keyof HostProtocol["commands"],
  `host.${string}` | `files.${string}` | `logs.${string}` | `catalogue.${string}` | `jobs.${string}`
>;

export interface InformationContext {
  readonly registry: MachineRegistry;
  readonly jobs: JobList;
  readonly dataFolder: string;
  readonly shell: HostInfo["shell"];
}

export function informationCommands(context: InformationContext): Pick<Handlers, InformationCommand> {
  const { library } = context.registry;
  return {
    "host.info": () => hostInfo(context),
    "files.list": ({ path }) => listFolder(path, library.folder),
    "files.stat": ({ path }) => statFile(path),
    "logs.list": async ({ id }) => ({ runs: await listRuns(library.get(id).folder) }),
    "logs.read": ({ id, run }) => readRun(library.get(id).folder, run),
    "catalogue.osTypes": () => ({ osTypes: osTypes.map((type) => ({ ...type })) }),
    "jobs.list": () => ({ jobs: context.jobs.list() }),
    "jobs.cancel": ({ jobId }) => {
      context.jobs.cancel(jobId);
      return {};
    },
  };
}

async function hostInfo({ dataFolder, shell }: InformationContext): Promise<HostInfo> {
  const processors = cpus();
  const { node, v8, electron } = process.versions;
  return {
    version: appVersion(),
    shell,
    platform: process.platform,
    architecture: arch(),
    engineVersions: { node, v8, ...(electron === undefined ? {} : { electron }) },
    processors: processors.length,
    processorModel: processors[0]?.model ?? "unknown",
    memoryBytes: totalmem(),
    memoryFreeBytes: freemem(),
    dataFolder,
    dataFreeBytes: await freeBytes(dataFolder),
    homeFolder: homedir(),
  };
}
