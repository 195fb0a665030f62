/**
 * Where the guest's picture lies in the view, reckoned in device pixels so that an integer scale is exact on any
 * display. The picture is letterboxed and never stretched. Nearest-neighbour is right for integer scales and blurs nothing;
 * every other scale is filtered.
 */
export type ScaleMode = "whole" | "actual" | "scaled";

export interface ScreenPlacement {
  /** CSS pixels. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** Device pixels per guest pixel. */
  scale: number;
  smooth: boolean;
}

export function placeScreen(
  view: { width: number; height: number },
  guest: { width: number; height: number },
  devicePixelRatio: number,
  mode: ScaleMode,
  preferredScale = 1,
): ScreenPlacement {
  const available = {
    width: Math.floor(view.width * devicePixelRatio),
    height: Math.floor(view.height * devicePixelRatio),
  };
  const fit = Math.min(available.width / guest.width, available.height / guest.height);
  const scale = chooseScale(fit, devicePixelRatio, mode, preferredScale);
  const width = Math.max(1, Math.round(guest.width * scale));
  const height = Math.max(1, Math.round(guest.height * scale));
  return {
    left: Math.max(0, Math.floor((available.width - width) / 2)) / devicePixelRatio,
    top: Math.max(0, Math.floor((available.height - height) / 2)) / devicePixelRatio,
    width: width / devicePixelRatio,
    height: height / devicePixelRatio,
    scale,
    smooth: !Number.isInteger(scale),
  };
}

function chooseScale(fit: number, devicePixelRatio: number, mode: ScaleMode, preferredScale: number): number {
  if (mode === "scaled" || fit < 1) return fit;
  const largestWhole = Math.floor(fit);
  if (mode === "whole") return largestWhole;
  return Math.min(largestWhole, Math.max(1, Math.round(preferredScale * devicePixelRatio)));
}
