import { describe, expect, test } from "vitest";
import { guessFromImage } from "./guessFromImage.ts";

describe("guessFromImage", () => {
  test.each([
    ["/isos/debian-12.5.0-amd64-netinst.iso", "Debian 12.5.0", "debian64"],
    ["C:\\Images\\debian-9.13.0-i386-xfce-CD-1.iso", "Debian 9.13.0", "debian32"],
    ["/x/alpine-virt-3.19.1-x86_64.iso", "Alpine Linux 3.19.1", "alpine64"],
    ["/x/FreeDOS.img", "FreeDOS", "freedos"],
    ["/x/TinyCore-current.iso", "Tiny Core Linux", "tinycore32"],
    ["/x/win98se.iso", "Windows 98", "windows98"],
  ])("%s is %s", (path, name, osType) => {
    const guess = guessFromImage(path);
    expect(guess.name).toBe(name);
    expect(guess.osType?.id).toBe(osType);
  });

  test("an unknown image lends its own words", () => {
    expect(guessFromImage("/x/my_rescue-disk.iso")).toEqual({ name: "My rescue disk", osType: undefined });
    expect(guessFromImage("/x/boot.img").name).toBe("Boot");
  });
});
