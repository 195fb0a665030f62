import { expect, test } from "vitest";
import { osTypes } from "../api/osTypes.ts";
import { foreignOsNames, osTypeOfCim, osTypeOfForeignName, vmwareGuestId } from "./osTypeMapping.ts";

/** Systems that others have no word for come back as the plainest of their family. */
const plainer: Readonly<Record<string, string>> = {
  alpine64: "linux64",
  alpine32: "linux32",
  tinycore32: "linux32",
  openwrt64: "linux64",
  freedos: "dos",
  msdos: "dos",
  reactos: "windowsNt4",
  kolibri: "other",
  minix: "other",
  plan9: "other",
};

test.each(osTypes.map(({ id }) => id))("%s survives VirtualBox' word", (id) => {
  expect(osTypeOfForeignName(foreignOsNames(id).virtualBox)).toBe(plainer[id] ?? id);
});

test("every system has a number and a word of VMware that lead to its family and width", () => {
  const known = new Set(osTypes.map(({ id }) => id));
  for (const { id, bits } of osTypes) {
    const { cim, vmware } = foreignOsNames(id);
    const byNumber = osTypeOfCim(cim);
    expect(known).toContain(byNumber);
    for (const word of [vmware, vmwareGuestId(vmware)]) {
      const found = osTypes.find((type) => type.id === osTypeOfForeignName(word));
      expect(found, word).toBeDefined();
      expect(found!.bits === 64, `${id}: ${word}`).toBe(bits === 64);
    }
  }
});

test.each([
  ["Ubuntu24_LTS_64", "ubuntu64"],
  ["Debian12_64", "debian64"],
  ["WindowsXP_64", "windowsXp"],
  ["Windows11_64", "other64"],
  ["RedHat_64", "fedora64"],
  ["rhel6_64Guest", "fedora64"],
  ["other26xLinux64Guest", "linux64"],
  ["otherGuest", "other"],
  ["win2000ServGuest", "windows2000"],
  ["sles15_64Guest", "linux64"],
  ["constructor", undefined],
  ["", undefined],
])("%s is %s", (word, id) => {
  expect(osTypeOfForeignName(word)).toBe(id);
});

test("a configuration's id that is none is like any other system", () => {
  expect(foreignOsNames("constructor")).toEqual(foreignOsNames("other"));
});
