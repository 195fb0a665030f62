import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "./shellFixture.ts";

async function createDisk(page: Page, path: string): Promise<void> {
  const dialog = page.getByRole("dialog", { name: "New hard disk" });
  await expect(dialog.getByRole("textbox", { name: "File", exact: true })).not.toHaveValue("");
  await dialog.getByRole("textbox", { name: "File", exact: true }).fill(path);
  const size = dialog.getByRole("textbox", { name: "Disk size" });
  await size.fill("64");
  await size.press("Tab");
  await dialog.getByRole("button", { name: "Create disk" }).click();
  await expect(dialog).toBeHidden();
}

test("a disk is made, converted, resized, checked and removed with its file", async ({ manager: page, shell }) => {
  await page.keyboard.press("Control+d");
  await expect(page.getByRole("heading", { name: "Media" })).toBeVisible();
  await page.getByRole("button", { name: "Create…" }).click();
  await createDisk(page, join(shell.folder, "first.qcow2"));
  await expect(page.getByRole("row", { name: /first\.qcow2/ })).toContainText("64 MiB");

  await page.getByRole("row", { name: /first\.qcow2/ }).click();
  await page.getByRole("button", { name: "Copy…" }).click();
  const copy = page.getByRole("dialog", { name: "Copy first.qcow2" });
  await copy.getByRole("button", { name: /File format/ }).click();
  await page.getByRole("option", { name: "VDI (VirtualBox)" }).click();
  await expect(copy.getByRole("textbox", { name: "New file" })).toHaveValue(join(shell.folder, "first-copy.vdi"));
  await copy.getByRole("button", { name: "Copy or convert" }).click();
  await expect(page.getByRole("row", { name: /first-copy\.vdi/ })).toContainText("64 MiB");

  await page.getByRole("row", { name: /first-copy\.vdi/ }).click();
  await page.getByRole("button", { name: "Resize…" }).click();
  const resize = page.getByRole("dialog", { name: "Resize first-copy.vdi" });
  await resize.getByRole("textbox", { name: "Disk size" }).fill("96");
  await resize.getByRole("textbox", { name: "Disk size" }).press("Tab");
  await resize.getByRole("button", { name: "Resize" }).click();
  await expect(page.getByRole("row", { name: /first-copy\.vdi/ })).toContainText("96 MiB");

  await page.getByRole("button", { name: "Check…" }).click();
  const check = page.getByRole("dialog", { name: "Check first-copy.vdi" });
  await expect(check).toContainText("The image is sound.");
  await check.getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "Remove…" }).click();
  const remove = page.getByRole("alertdialog", { name: "Remove first-copy.vdi?" });
  await remove.getByRole("radio", { name: "Remove it and delete its file" }).check({ force: true });
  await remove.getByRole("button", { name: "Delete the file" }).click();
  await expect(page.getByRole("row", { name: /first-copy\.vdi/ })).toBeHidden();
  expect(existsSync(join(shell.folder, "first-copy.vdi"))).toBe(false);
  expect(existsSync(join(shell.folder, "first.qcow2"))).toBe(true);
});

test("a diskette is made", async ({ manager: page, shell }) => {
  await page.keyboard.press("Control+d");
  await page.getByRole("tab", { name: "Floppy disks" }).click();
  await page.getByRole("button", { name: "Create…" }).click();
  const dialog = page.getByRole("dialog", { name: "New diskette" });
  const file = dialog.getByRole("textbox", { name: "File", exact: true });
  await expect(file).toHaveValue(/diskette\.img$/);
  await file.fill(join(shell.folder, "notes.img"));
  await dialog.getByRole("button", { name: "Make diskette" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("row", { name: /notes\.img/ })).toContainText("1.4 MiB");
  expect((await stat(join(shell.folder, "notes.img"))).size).toBe(1_474_560);
});

test("a machine's disk is found, compacted, moved and released", async ({ manager: page, shell }) => {
  await page.keyboard.press("Alt+n");
  const wizard = page.getByRole("dialog", { name: "New machine" });
  await wizard.getByRole("radio", { name: "Nothing yet" }).check({ force: true });
  await wizard.getByRole("textbox", { name: "Name" }).fill("Store");
  await wizard.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page.getByRole("row", { name: "Store" })).toBeVisible();

  await page.keyboard.press("Control+d");
  const search = page.getByRole("searchbox", { name: "Search media" });
  await search.fill("nothing of the kind");
  await expect(page.getByText("Nothing matches.")).toBeVisible();
  await search.fill("qcow");
  const row = page.getByRole("row", { name: /\.qcow2/ });
  await expect(row).toHaveCount(1);
  await expect(row).toContainText("Store");
  await row.click();
  await page.getByRole("button", { name: "Compact" }).click();
  await expect(page.getByText(/^Compacting .*: done$/)).toBeVisible();

  await page.getByRole("button", { name: "Move…", exact: true }).click();
  const move = page.getByRole("dialog", { name: /^Move / });
  const target = join(shell.folder, "elsewhere.qcow2");
  await move.getByRole("textbox", { name: "New file" }).fill(target);
  await move.getByRole("button", { name: "Move" }).click();
  const moved = page.getByRole("row", { name: /elsewhere\.qcow2/ });
  await search.fill("elsewhere");
  await expect(moved).toContainText("Store");
  expect(existsSync(target)).toBe(true);

  await moved.click();
  await page.getByRole("button", { name: "Release" }).click();
  const question = page.getByRole("alertdialog", { name: "Release elsewhere.qcow2?" });
  await expect(question).toContainText("Store");
  await question.getByRole("button", { name: "Release" }).click();
  await expect(moved).toContainText("Nothing");
  expect(existsSync(target)).toBe(true);
});

test("a disk of another format is added in the settings, with its attributes", async ({ manager: page, shell }) => {
  await page.keyboard.press("Alt+n");
  const wizard = page.getByRole("dialog", { name: "New machine" });
  await wizard.getByRole("radio", { name: "Nothing yet" }).check({ force: true });
  await wizard.getByRole("radio", { name: "None" }).check({ force: true });
  await wizard.getByRole("textbox", { name: "Name" }).fill("Store");
  await wizard.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page.getByRole("row", { name: "Store" })).toBeVisible();

  await page.keyboard.press("Control+s");
  const settings = page.getByRole("dialog", { name: "Store: settings" });
  await settings.getByRole("tab", { name: "Storage" }).click();
  await settings.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: "New hard disk…" }).click();
  const folder = join(shell.folder, "machines", (await readdir(join(shell.folder, "machines")))[0] ?? "");
  await createDisk(page, join(folder, "data.qcow2"));
  const serial = settings.getByRole("textbox", { name: "Serial number" });
  await serial.fill("x".repeat(21));
  await expect(settings).toContainText("A serial number has 20 characters at most.");
  await expect(settings.getByRole("button", { name: "Save" })).toBeDisabled();
  await serial.fill("GH-0001");
  await settings.getByRole("button", { name: /Controller/ }).click();
  await page.getByRole("option", { name: "virtio block" }).click();
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Storage" })).toContainText("data.qcow2");
  await expect(page.getByRole("region", { name: "Storage" })).toContainText("virtio block 0");
});
