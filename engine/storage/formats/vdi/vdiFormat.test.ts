import { diskImageConformance } from "../../../../tests/conformance/diskImageConformance.ts";
import { vdiFormat } from "./vdiFormat.ts";

const identity = "00112233-4455-4677-8899-aabbccddeeff";
const shape = { format: vdiFormat, sectorCount: 4 * 2048 + 9 };

diskImageConformance("a dynamic VDI image", { ...shape, subformat: "dynamic" });
diskImageConformance("a fixed VDI image", { ...shape, subformat: "fixed", without: ["zero"] });
diskImageConformance("a differencing VDI image", {
  ...shape,
  subformat: "differencing",
  differencing: true,
  backingIdentity: identity,
});
