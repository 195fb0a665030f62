import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { notebookDisk } from "./notebookGuest.ts";
import { expectNotes, expectSaid, machineTools, note, powerOff } from "./notebookMachine.ts";
import { expect, test } from "./shellFixture.ts";

const run = promisify(execFile);
const descriptor = fileURLToPath(new URL("../../../shared/media/appliances/virtualbox/vbox1.ovf", import.meta.url));
const DISK_BYTES = 10_737_418_240;

test.skip(!existsSync(descriptor), "the VirtualBox descriptors are not there: ../shared/media/appliances/virtualbox");
test.skip(!existsSync("/usr/bin/qemu-img"), "qemu-img is not installed");

/** An appliance as others make it: VirtualBox' descriptor, a disk that qemu-img wrote, packed by tar. */
async function makeAppliance(folder: string): Promise<string> {
  const raw = join(folder, "notebook.raw");
  const file = await open(raw, "w");
  await file.write(notebookDisk("from afar"));
  await file.truncate(DISK_BYTES);
  await file.close();
  const vmdk = join(folder, "vbox1.vmdk");
  await run("qemu-img", ["convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, vmdk]);
  const { size } = await stat(vmdk);
  const text = await readFile(descriptor, "utf8");
  await writeFile(join(folder, "vbox1.ovf"), text.replace(/ovf:size="\d+"/, `ovf:size="${size}"`));
  await run("tar", ["--format=ustar", "-C", folder, "-cf", join(folder, "vbox1.ova"), "vbox1.ovf", "vbox1.vmdk"]);
  return join(folder, "vbox1.ova");
}

async function importAppliance(page: Page, path: string, name: string, disk = "disk.qcow2"): Promise<void> {
  await page.keyboard.press("Control+i");
  const dialog = page.getByRole("dialog", { name: "Import appliance" });
  await dialog.getByRole("textbox", { name: "Appliance" }).fill(path);
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("textbox", { name: "File of" }).fill(disk);
  await dialog.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page.getByRole("row", { name })).toBeVisible({ timeout: 30_000 });
}

async function start(page: Page, name: string): Promise<void> {
  await page.getByRole("row", { name }).click();
  await machineTools(page).getByRole("button", { name: "Start", exact: true }).click();
}

test("an appliance of VirtualBox is imported, boots, is exported, and boots again from what was exported", async ({
  manager: page,
  shell,
}) => {
  await importAppliance(page, await makeAppliance(shell.folder), "Imported", "from afar.qcow2");
  await expect(page.getByRole("status").filter({ hasText: "Imported: Imported" })).toBeVisible();
  await page.getByRole("row", { name: "Imported" }).click();
  await expect(page.getByText("from afar.qcow2").first()).toBeVisible();
  await start(page, "Imported");
  await expectSaid(page, "disk [from afar] memory []");
  await note(page, "home now");
  await powerOff(page);

  await page.keyboard.press("Control+e");
  const dialog = page.getByRole("dialog", { name: "Export appliance" });
  await expect(dialog.getByRole("checkbox", { name: "Imported" })).toBeChecked();
  const exported = join(shell.folder, "again.ova");
  await dialog.getByRole("textbox", { name: "New file" }).fill(exported);
  await dialog.getByRole("button", { name: "Export", exact: true }).click();
  await expect(page.getByRole("status").filter({ hasText: `Exported to ${exported}` })).toBeVisible({
    timeout: 30_000,
  });

  await importAppliance(page, exported, "Second life");
  await start(page, "Second life");
  await expectSaid(page, "disk [home now] memory []");
  await expectNotes(page, "home now", "");
  await powerOff(page);
});
