import { Check as CheckIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Checkbox as AriaCheckbox, Switch as AriaSwitch, Label, Radio, RadioGroup } from "react-aria-components";

export interface ToggleProps {
  selected: boolean;
  onChange: (selected: boolean) => void;
  disabled?: boolean;
  children: ReactNode;
}

export function Checkbox({ selected, onChange, disabled = false, children }: ToggleProps) {
  return (
    <AriaCheckbox className="check" isSelected={selected} onChange={onChange} isDisabled={disabled}>
      <span className="check-box">
        <CheckIcon size={12} strokeWidth={3} aria-hidden />
      </span>
      {children}
    </AriaCheckbox>
  );
}

export function Switch({ selected, onChange, disabled = false, children }: ToggleProps) {
  return (
    <AriaSwitch className="switch" isSelected={selected} onChange={onChange} isDisabled={disabled}>
      <span className="switch-track" />
      {children}
    </AriaSwitch>
  );
}

export interface ChoiceProps<Id extends string> {
  label: string;
  value: Id;
  onChange: (value: Id) => void;
  options: readonly { id: Id; label: string; icon?: ReactNode; disabled?: boolean }[];
  hideLabel?: boolean;
  disabled?: boolean;
  /** "segments" for short words side by side, "list" for sentences one under another. */
  look?: "segments" | "list";
}

/** One of a few, all visible. */
export function Choice<Id extends string>(props: ChoiceProps<Id>) {
  const segments = (props.look ?? "segments") === "segments";
  return (
    <RadioGroup
      className="field"
      value={props.value}
      onChange={(value) => props.onChange(value as Id)}
      isDisabled={props.disabled ?? false}
      orientation={segments ? "horizontal" : "vertical"}
    >
      <Label className={props.hideLabel === true ? "visually-hidden" : "field-label"}>{props.label}</Label>
      <div className={segments ? "segment-row" : "radio-group"}>
        {segments ? (
          <div className="segments">
            {props.options.map((option) => (
              <Radio key={option.id} value={option.id} className="segment" isDisabled={option.disabled ?? false}>
                {option.icon}
                {option.label}
              </Radio>
            ))}
          </div>
        ) : (
          props.options.map((option) => (
            <Radio key={option.id} value={option.id} className="radio" isDisabled={option.disabled ?? false}>
              <span className="radio-dot" />
              {option.label}
            </Radio>
          ))
        )}
      </div>
    </RadioGroup>
  );
}
