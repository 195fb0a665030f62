import type { ReactNode } from "react";
import { TooltipTrigger } from "react-aria-components";
import { Button, type ButtonProps } from "./Button.tsx";
import { Tooltip } from "./Tooltip.tsx";

/** A button that shows only an icon; its name is read aloud and shown as a tooltip. */
export function IconButton({
  name,
  children,
  ...props
}: Omit<ButtonProps, "aria-label"> & { name: string; children: ReactNode }) {
  return (
    <TooltipTrigger delay={500}>
      <Button variant="flat" {...props} className={`button-icon ${props.className ?? ""}`} aria-label={name}>
        {children}
      </Button>
      <Tooltip>{name}</Tooltip>
    </TooltipTrigger>
  );
}
