import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import {
  expectNotes,
  expectSaid,
  machineTools,
  makeNotebook,
  note,
  powerOff,
  takeSnapshot,
} from "./notebookMachine.ts";
import { expect, test } from "./shellFixture.ts";

async function unlock(page: Page, passphrase: string): Promise<void> {
  const question = page.getByRole("dialog", { name: "Encrypted disk" });
  await question.getByLabel("Passphrase").fill(passphrase);
  await question.getByRole("button", { name: "Unlock" }).click();
}

test("an encrypted disk is asked for its passphrase at every start but the first, until it fits", async ({
  manager: page,
  shell,
}) => {
  await makeNotebook(page, shell, "Vault", "open sesame");
  await note(page, "gold");
  await powerOff(page);
  await machineTools(page).getByRole("button", { name: "Start", exact: true }).click();
  await unlock(page, "open barley");
  // Finding that out takes as long as finding out that it fits, and that is meant to take long.
  const refusal = page.getByRole("alert").filter({ hasText: "This passphrase does not fit." });
  await expect(refusal).toBeVisible({ timeout: 60_000 });
  await unlock(page, "open sesame");
  await expect(machineTools(page).getByRole("button", { name: "Pause" })).toBeEnabled({ timeout: 60_000 });
  await expectSaid(page, "disk [gold] memory []");
  await powerOff(page);
});

test("a machine with an encrypted disk is snapshotted while it runs, restored, and cloned with its past", async ({
  manager: page,
  shell,
}) => {
  await makeNotebook(page, shell, "Vault", "open sesame");
  await note(page, "gold");
  await page.getByRole("tab", { name: "Snapshots", exact: true }).click();
  await takeSnapshot(page, "Rich");
  await expect(page.getByRole("row", { name: /^Rich, with memory/ })).toBeVisible();
  await page.getByRole("tab", { name: "Console", exact: true }).click();
  await note(page, "lead");
  await powerOff(page);

  await page.getByRole("tab", { name: "Snapshots", exact: true }).click();
  await page.getByRole("row", { name: /^Rich,/ }).click();
  await page.getByRole("button", { name: "Restore…" }).click();
  const question = page.getByRole("alertdialog", { name: "Restore snapshot Rich?" });
  await question.getByRole("checkbox", { name: "Take a snapshot of the current state first" }).check({ force: true });
  await question.getByRole("textbox", { name: "Name" }).fill("Poor");
  await question.getByRole("button", { name: "Restore" }).click();
  await unlock(page, "open sesame");
  await expect(page.getByRole("row", { name: /^Poor/ })).toBeVisible({ timeout: 60_000 });
  await expect(machineTools(page).getByRole("button", { name: "Resume", exact: true })).toBeEnabled();

  await page.keyboard.press("Control+o");
  const clone = page.getByRole("dialog", { name: "Clone Vault" });
  await clone.getByRole("radio", { name: "The current state and all snapshots" }).check({ force: true });
  await clone.getByRole("button", { name: "Clone" }).click();
  await expect(page.getByRole("row", { name: "Vault clone" })).toBeVisible({ timeout: 60_000 });
  await page.getByRole("row", { name: "Vault clone" }).click();
  await page.getByRole("tab", { name: "Snapshots", exact: true }).click();
  for (const name of ["Rich", "Poor"]) {
    await expect(page.getByRole("row", { name: new RegExp(`^${name}`) })).toBeVisible();
  }
  await machineTools(page).getByRole("button", { name: "Resume", exact: true }).click();
  await unlock(page, "open sesame");
  await page.getByRole("tab", { name: "Console", exact: true }).click();
  await expectNotes(page, "gold", "gold");
  await powerOff(page);
});

async function chooseFile(page: Page, title: string, folder: string, name: string): Promise<void> {
  const files = page.getByRole("dialog", { name: title });
  await files.getByRole("textbox", { name: "Folder", exact: true }).fill(folder);
  await page.keyboard.press("Enter");
  await files.getByRole("row", { name }).dblclick();
  await expect(files).toBeHidden();
}

test("a disk is plugged into a machine that runs, and pulled out again", async ({ manager: page, shell }) => {
  await writeFile(join(shell.folder, "resident.img"), new Uint8Array(2 ** 20));
  await writeFile(join(shell.folder, "visitor.img"), new Uint8Array(2 ** 20));
  await makeNotebook(page, shell, "Harbour");
  await powerOff(page);
  await page.keyboard.press("Control+s");
  const settings = page.getByRole("dialog", { name: "Harbour: settings" });
  await settings.getByRole("tab", { name: "Storage" }).click();
  await settings.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: "Choose an existing disk…" }).click();
  await chooseFile(page, "Choose a hard disk image", shell.folder, "resident.img");
  await settings.getByRole("button", { name: /Controller/ }).click();
  await page.getByRole("option", { name: "AHCI (SATA)" }).click();
  await settings.getByRole("button", { name: "Save" }).click();
  await machineTools(page).getByRole("button", { name: "Start", exact: true }).click();
  await expectSaid(page, "disk [] memory []");

  await page.getByRole("tab", { name: "Details" }).click();
  await page.keyboard.press("Control+s");
  await settings.getByRole("tab", { name: "Storage" }).click();
  await settings.getByRole("button", { name: "Plug in a disk" }).click();
  await page.getByRole("menuitem", { name: "Disk on AHCI (SATA)…" }).click();
  await chooseFile(page, "Choose a hard disk image", shell.folder, "visitor.img");
  const visitor = settings.getByRole("row", { name: /visitor\.img/ });
  await visitor.click();
  await settings.getByRole("button", { name: /^Remove drive:.*visitor\.img/ }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Pull out" }).click();
  await expect(visitor).toBeHidden();
  await expect(settings.getByRole("row", { name: /resident\.img/ })).toBeVisible();
  await settings.getByRole("button", { name: "Cancel" }).click();
  await powerOff(page);
});
