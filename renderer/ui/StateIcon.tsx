import {
  CircleAlert,
  CircleDot,
  CirclePause,
  CirclePlay,
  CircleStop,
  LoaderCircle,
  type LucideIcon,
  OctagonX,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { MachineStateKind } from "../../engine/api/MachineState.ts";

const icons: Record<MachineStateKind, LucideIcon> = {
  poweredOff: CircleStop,
  starting: LoaderCircle,
  running: CirclePlay,
  paused: CirclePause,
  stopping: LoaderCircle,
  saved: CircleDot,
  aborted: OctagonX,
  inaccessible: CircleAlert,
};

/** A machine's state as a shape and a colour. Decorative by default, because the word stands beside it. */
export function StateIcon({
  state,
  size = 16,
  named = false,
}: {
  state: MachineStateKind;
  size?: number;
  named?: boolean;
}) {
  const { t } = useTranslation();
  const Icon = icons[state];
  const moving = state === "starting" || state === "stopping" ? " spinner" : "";
  return (
    <Icon
      size={size}
      className={`state-icon state-${state}${moving}`}
      {...(named ? { role: "img", "aria-label": t(`state.${state}`) } : { "aria-hidden": true })}
    />
  );
}
