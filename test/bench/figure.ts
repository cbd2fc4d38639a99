export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

/** Three digits that mean something; the unit says the rest. */
export function valueText({ value, unit }: Figure): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits })}${unit === '' ? '' : ` ${unit}`}`;
}
