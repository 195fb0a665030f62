import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";

const icons = { info: Info, warning: TriangleAlert, error: CircleAlert };

/** A sentence that needs attention, in the flow of the page. Errors are announced at once, the rest politely. */
export function Notice({ kind, children }: { kind: "info" | "warning" | "error"; children: ReactNode }) {
  const Icon = icons[kind];
  return (
    <div className={`notice notice-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon size={16} aria-hidden />
      <div className="notice-body selectable">{children}</div>
    </div>
  );
}
