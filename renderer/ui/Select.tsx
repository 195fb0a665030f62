import { ChevronDown } from "lucide-react";
import {
  Select as AriaSelect,
  Button,
  Collection,
  Header,
  Label,
  ListBox,
  ListBoxItem,
  ListBoxSection,
  Popover,
  SelectValue,
  Text,
} from "react-aria-components";

export interface SelectOption<Id extends string> {
  id: Id;
  label: string;
}

export interface SelectSection<Id extends string> {
  label: string;
  options: readonly SelectOption<Id>[];
}

export interface SelectProps<Id extends string> {
  label: string;
  value: Id;
  onChange: (value: Id) => void;
  /** Either plain options or titled sections. */
  options?: readonly SelectOption<Id>[];
  sections?: readonly SelectSection<Id>[];
  hint?: string;
  disabled?: boolean;
  hideLabel?: boolean;
}

export function Select<Id extends string>(props: SelectProps<Id>) {
  const item = (option: SelectOption<Id>) => (
    <ListBoxItem key={option.id} id={option.id} textValue={option.label} className="listbox-item">
      <Text slot="label">{option.label}</Text>
    </ListBoxItem>
  );
  return (
    <AriaSelect
      className="field"
      selectedKey={props.value}
      onSelectionChange={(key) => {
        if (key !== null) props.onChange(key as Id);
      }}
      isDisabled={props.disabled ?? false}
    >
      <Label className={props.hideLabel === true ? "visually-hidden" : "field-label"}>{props.label}</Label>
      <Button className="button select-button">
        <SelectValue className="select-value" />
        <ChevronDown size={14} aria-hidden />
      </Button>
      {props.hint === undefined ? null : (
        <Text slot="description" className="field-hint">
          {props.hint}
        </Text>
      )}
      <Popover className="popover" offset={4}>
        <ListBox className="listbox">
          {props.sections?.map((section) => (
            <ListBoxSection key={section.label}>
              <Header className="menu-header">{section.label}</Header>
              <Collection>{section.options.map(item)}</Collection>
            </ListBoxSection>
          ))}
          {props.options?.map(item)}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}
