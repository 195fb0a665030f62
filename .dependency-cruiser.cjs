// Which room may import which. Siblings meet through contracts/ and are joined in machine/. The renderer's rules stand in
// biome.json, because the parser here does not read TSX.
const room = (name) => `^engine/${name}/`;
/** Every room of the engine and the rooms it may import besides itself. */
const mayImport = {
  base: [],
  contracts: ["base"],
  api: ["base"],
  memory: ["base", "contracts"],
  cpu: ["base", "contracts"],
  devices: ["base", "contracts"],
  firmware: ["base", "contracts"],
  storage: ["base", "contracts"],
  appliance: ["base", "contracts", "api"],
  snapshot: ["base", "contracts"],
  machine: ["base", "contracts", "api", "memory", "cpu", "devices", "firmware", "storage", "snapshot"],
  host: ["base", "contracts", "api", "machine", "storage", "appliance", "snapshot"],
  web: ["base", "api", "host"],
  cli: ["base", "api", "host"],
};
const nodeRooms = ["host", "web", "cli"];
const tests = "\\.test\\.tsx?$";

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(mayImport).map(([name, allowed]) => ({
      name: `${name}-imports`,
      severity: "error",
      comment: `engine/${name} may import ${allowed.join(", ") || "nothing of ours"}.`,
      from: { path: room(name), pathNot: tests },
      to: { path: "^(engine|electron|renderer|resources|tests)/", pathNot: [name, ...allowed].map(room) },
    })),
    {
      name: "pure-engine",
      severity: "error",
      comment: "Only engine/host, engine/web and engine/cli may use Node; the rest runs in a browser tab too.",
      from: { path: "^engine/", pathNot: [...nodeRooms.map(room), tests] },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^engine/cpu/assembly/" },
    tsPreCompilationDeps: true,
    parser: "swc",
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
