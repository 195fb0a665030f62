import { ArrowDown, ArrowUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { BootSource } from "../../engine/api/MachineConfig.ts";
import { Checkbox } from "./Choices.tsx";
import { IconButton } from "./IconButton.tsx";

const sources: readonly BootSource[] = ["floppy", "cdrom", "disk"];

/** Which sources are tried, and in which order: those in use first, as they stand, then the rest. */
export function BootOrderList({
  value,
  onChange,
  disabled = false,
}: {
  value: readonly BootSource[];
  onChange: (order: BootSource[]) => void;
  disabled?: boolean;
}) {
  const { t } = useTranslation();
  const rows = [...value, ...sources.filter((source) => !value.includes(source))];
  const move = (index: number, step: number) => {
    const order = [...value];
    const [moved] = order.splice(index, 1);
    if (moved !== undefined) order.splice(index + step, 0, moved);
    onChange(order);
  };
  return (
    <fieldset className="boot-order">
      <legend className="field-label">{t("details.bootOrder")}</legend>
      {rows.map((source) => {
        const index = value.indexOf(source);
        const used = index >= 0;
        const name = t(`bootSource.${source}`);
        return (
          <div key={source} className="boot-row">
            <span className="grow">
              <Checkbox
                selected={used}
                disabled={disabled}
                onChange={(on) => onChange(on ? [...value, source] : value.filter((other) => other !== source))}
              >
                {name}
              </Checkbox>
            </span>
            <IconButton
              name={t("bootOrder.up", { name })}
              isDisabled={disabled || !used || index === 0}
              onPress={() => move(index, -1)}
            >
              <ArrowUp size={14} aria-hidden />
            </IconButton>
            <IconButton
              name={t("bootOrder.down", { name })}
              isDisabled={disabled || !used || index === value.length - 1}
              onPress={() => move(index, 1)}
            >
              <ArrowDown size={14} aria-hidden />
            </IconButton>
          </div>
        );
      })}
    </fieldset>
  );
}
