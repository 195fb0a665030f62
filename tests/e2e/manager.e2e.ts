import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "./shellFixture.ts";

async function createMachine(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Alt+n");
  const dialog = page.getByRole("dialog", { name: "New machine" });
  await dialog.getByRole("radio", { name: "Nothing yet" }).check({ force: true });
  await dialog.getByRole("radio", { name: "None" }).check({ force: true });
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("row", { name })).toBeVisible();
}

test("a machine is made, renamed, changed and removed", async ({ manager: page }) => {
  await createMachine(page, "First");
  await expect(page.getByRole("region", { name: "General" })).toContainText("First");

  await page.keyboard.press("F2");
  const rename = page.getByRole("dialog", { name: "Rename First" });
  await rename.getByRole("textbox", { name: "Name" }).fill("Renamed");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("row", { name: "Renamed" })).toBeVisible();

  await page.keyboard.press("Control+s");
  const settings = page.getByRole("dialog", { name: "Renamed: settings" });
  await settings.getByRole("tab", { name: "System" }).click();
  const memory = settings.getByRole("textbox", { name: "Memory" });
  await memory.fill("64");
  await memory.press("Tab");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "System" })).toContainText("64 MiB");

  await page.keyboard.press("Control+r");
  const remove = page.getByRole("alertdialog", { name: "Remove Renamed?" });
  await remove.getByRole("radio", { name: "Remove it and delete all of its files" }).check({ force: true });
  await expect(remove).toContainText("machine.json");
  await remove.getByRole("button", { name: "Delete all files" }).click();
  await expect(page.getByRole("row", { name: "Renamed" })).toBeHidden();
});

test("an image chosen in the host's folders names the machine and guesses its system", async ({
  manager: page,
  shell,
}) => {
  await writeFile(join(shell.folder, "alpine-virt-3.19.1-x86_64.iso"), new Uint8Array(4096));
  await page.getByRole("button", { name: "New machine" }).click();
  const dialog = page.getByRole("dialog", { name: "New machine" });
  await dialog.getByRole("button", { name: "Choose a file: Optical disc image (ISO)" }).click();
  const files = page.getByRole("dialog", { name: "Choose an optical disc image" });
  await files.getByRole("textbox", { name: "Folder", exact: true }).fill(shell.folder);
  await page.keyboard.press("Enter");
  await files.getByRole("row", { name: "alpine-virt-3.19.1-x86_64.iso" }).dblclick();
  await expect(files).toBeHidden();
  await expect(dialog.getByRole("textbox", { name: "Name" })).toHaveValue("Alpine Linux 3.19.1");
  await expect(dialog.getByRole("button", { name: /System type/ })).toContainText("Alpine Linux (64-bit)");
});

test("what is missing is said beside its field and nothing is made", async ({ manager: page, shell }) => {
  await page.getByRole("button", { name: "New machine" }).click();
  const dialog = page.getByRole("dialog", { name: "New machine" });
  await dialog.getByRole("button", { name: "Create and start" }).click();
  await expect(dialog).toContainText("Choose the image to start from.");
  await expect(dialog).toContainText("Give the machine a name.");
  expect(await readdir(join(shell.folder, "machines"))).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("a window keeps its buttons in sight on a low page, and says in itself what failed", async ({ manager: page }) => {
  await createMachine(page, "Alpha");
  await page.setViewportSize({ width: 1000, height: 560 });
  await page.keyboard.press("Control+s");
  const settings = page.getByRole("dialog", { name: "Alpha: settings" });
  await expect(settings.getByRole("button", { name: "Save" })).toBeInViewport({ ratio: 1 });
  await settings.getByRole("button", { name: "Cancel" }).click();
  await page.keyboard.press("Control+d");
  await page.getByRole("button", { name: "Create…" }).click();
  const making = page.getByRole("dialog", { name: "New hard disk" });
  await making.getByRole("textbox", { name: "File", exact: true }).fill("/nowhere/disk.qcow2");
  await making.getByRole("button", { name: "Create disk" }).click();
  await expect(making.getByRole("alert")).toContainText("The disk was not created");
  await expect(making.getByRole("button", { name: "Create disk" })).toBeInViewport({ ratio: 1 });
  await page.keyboard.press("Escape");
  await expect(making).toBeHidden();
  await expect(page.getByRole("alert")).toBeHidden();
});

test("the palette finds actions and machines by their words", async ({ manager: page }) => {
  await createMachine(page, "Alpha");
  await createMachine(page, "Beta");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("go alpha");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("row", { name: "Alpha" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("theme dark");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("the interface speaks Chinese at once and remembers it", async ({ manager: page }) => {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("简体");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "新建虚拟机" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: "新建虚拟机" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
});

test("a host that goes away is said so", async ({ page, shell }) => {
  await page.goto(shell.url);
  await expect(page.getByRole("heading", { name: "Welcome to Guesthouse" })).toBeVisible();
  shell.kill();
  await expect(page.getByText("The connection to the host was lost.")).toBeVisible();
});
