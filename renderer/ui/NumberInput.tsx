import { Group, Input, Label, NumberField, Text } from "react-aria-components";

export interface NumberInputProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
  minimum?: number;
  maximum: number;
  hint?: string;
  disabled?: boolean;
}

/** A whole number. What is out of bounds is brought to the nearest end when the field is left. */
export function NumberInput({
  label,
  value,
  onChange,
  minimum = 0,
  maximum,
  hint,
  disabled = false,
}: NumberInputProps) {
  return (
    <NumberField
      className="field"
      value={value}
      minValue={minimum}
      maxValue={maximum}
      isDisabled={disabled}
      formatOptions={{ useGrouping: false, maximumFractionDigits: 0 }}
      onChange={(next) => {
        if (Number.isFinite(next)) onChange(Math.round(next));
      }}
    >
      <Label className="field-label">{label}</Label>
      <Group>
        <Input className="input input-number" />
      </Group>
      {hint === undefined ? null : (
        <Text slot="description" className="field-hint">
          {hint}
        </Text>
      )}
    </NumberField>
  );
}
