/**
 * A slider over sizes that grow in powers of two, with a number field beside it for the exact value. Coloured zones say what
 * the host can bear; the words of the zone are given too, so that colour is never the only sign.
 */
import { CircleAlert, TriangleAlert } from "lucide-react";
import { useId } from "react";
import { Group, Input, Label, NumberField, Slider, SliderThumb, SliderTrack } from "react-aria-components";
import { positionOfSize, type SizeZone, sizeAtPosition, zoneOf } from "./sizeScale.ts";

export interface ZoneSliderProps {
  label: string;
  unit: string;
  value: number;
  minimum: number;
  maximum: number;
  zones: readonly SizeZone[];
  onChange: (value: number) => void;
  /** Shown in words under the slider while the value lies in that zone. */
  zoneSentence: (zone: SizeZone["kind"]) => string | undefined;
  formatEnd: (value: number) => string;
  error?: string | undefined;
  disabled?: boolean;
}

const STEPS = 1000;

export function ZoneSlider(props: ZoneSliderProps) {
  const sentenceId = useId();
  const range = { minimum: props.minimum, maximum: props.maximum };
  const zone = zoneOf(props.value, props.zones);
  const sentence = props.error ?? props.zoneSentence(zone);
  const disabled = props.disabled ?? false;
  let start = 0;
  return (
    <div className="slider">
      <div className="input-row">
        <span className="field-label grow">{props.label}</span>
        <NumberField
          aria-label={props.label}
          aria-describedby={sentenceId}
          value={props.value}
          minValue={props.minimum}
          maxValue={Number.MAX_SAFE_INTEGER}
          onChange={(value) => {
            if (Number.isFinite(value)) props.onChange(Math.round(value));
          }}
          isInvalid={props.error !== undefined}
          isDisabled={disabled}
          formatOptions={{ useGrouping: false, maximumFractionDigits: 0 }}
        >
          <Group>
            <Input className="input input-number" />
          </Group>
        </NumberField>
        <span className="quiet slider-unit">
          {props.unit}
          {props.value >= 1024 ? ` = ${props.formatEnd(props.value)}` : ""}
        </span>
      </div>
      <Slider
        aria-label={props.label}
        value={Math.round(positionOfSize(props.value, range) * STEPS)}
        minValue={0}
        maxValue={STEPS}
        step={STEPS / 200}
        isDisabled={disabled}
        onChange={(position) => props.onChange(sizeAtPosition(position / STEPS, range))}
      >
        <Label className="visually-hidden">{props.label}</Label>
        <SliderTrack className="slider-track">
          <div className="slider-zones" aria-hidden>
            {props.zones.map((part) => {
              const end = positionOfSize(Math.min(part.upTo, props.maximum), range);
              const width = `${Math.max(0, end - start) * 100}%`;
              start = end;
              return <span key={part.kind} className={`zone-${part.kind}`} style={{ width }} />;
            })}
          </div>
          <SliderThumb className="slider-thumb" />
        </SliderTrack>
      </Slider>
      <div className="slider-ends" aria-hidden>
        <span>{props.formatEnd(props.minimum)}</span>
        <span>{props.formatEnd(props.maximum)}</span>
      </div>
      <div
        id={sentenceId}
        role="status"
        className={props.error === undefined ? "field-hint zone-sentence" : "field-error"}
      >
        {props.error !== undefined ? <CircleAlert size={14} aria-hidden /> : null}
        {props.error === undefined && sentence !== undefined ? <TriangleAlert size={14} aria-hidden /> : null}
        {sentence}
      </div>
    </div>
  );
}
