import type { ReactNode } from "react";
import { Tooltip as AriaTooltip } from "react-aria-components";

export function Tooltip({ children }: { children: ReactNode }) {
  return (
    <AriaTooltip className="tooltip" offset={6}>
      {children}
    </AriaTooltip>
  );
}
