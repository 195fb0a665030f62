/** Offers a picture as a download, named after the machine and the moment. */
export function savePng(pngBase64: string, machineName: string): void {
  const bytes = Uint8Array.from(atob(pngBase64), (character) => character.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const link = document.createElement("a");
  const moment = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  link.href = url;
  link.download = `${machineName.replace(/[^\p{L}\p{N} ._-]/gu, "_")} ${moment}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
