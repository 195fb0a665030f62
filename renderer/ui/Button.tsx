import { LoaderCircle } from "lucide-react";
import type { ReactNode } from "react";
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from "react-aria-components";

export interface ButtonProps extends Omit<AriaButtonProps, "className" | "style" | "children"> {
  variant?: "plain" | "primary" | "danger" | "flat" | "link";
  large?: boolean;
  className?: string;
  children: ReactNode;
}

/** A button with words, or with an icon and words; while what it does is pending it turns a wheel and keeps the focus. Icon-only buttons are `IconButton`, which insists on a name. */
export function Button({ variant = "plain", large = false, className = "", children, ...props }: ButtonProps) {
  const classes = ["button", variant === "plain" ? "" : `button-${variant}`, large ? "button-large" : "", className];
  return (
    <AriaButton {...props} className={classes.filter(Boolean).join(" ")}>
      {props.isPending === true ? <LoaderCircle size={15} className="spinner" aria-hidden /> : null}
      {children}
    </AriaButton>
  );
}
