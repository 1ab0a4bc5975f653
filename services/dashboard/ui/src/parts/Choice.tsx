import { useId } from 'react';

interface Props {
  readonly name: string;
  readonly legend: string;
  readonly chosen: string;
  /** Values and what they are called. */
  readonly choices: readonly (readonly [string, string])[];
  readonly onChoose: (value: string) => void;
}

/** One of a few. */
export function Choice({ name, legend, chosen, choices, onChoose }: Props) {
  const group = `${name}-${useId()}`;
  return (
    <fieldset className="choice">
      <legend className="hidden">{legend}</legend>
      {choices.map(([value, label]) => (
        <label key={value}>
          <input type="radio" name={group} value={value} checked={value === chosen} onChange={() => onChoose(value)} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}
