/** One measured figure. `ratio` is `value` by `baseline`; both are null where there is nothing to hold the value against. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  baseline: number | null;
  ratio: number | null;
}

/** What `npm run bench -- NAME` measures. */
export interface Bench {
  name: string;
  /** One sentence: what is measured, and against what. */
  what: string;
  measure: () => AsyncIterable<Figure>;
}

/** Decimals that are worth telling. */
const rounded = (value: number): number => Number(value.toPrecision(4));

/** A figure that is held against nothing, or against a baseline in the same unit: an aim, or another way that was measured in the same run. */
export function figure(name: string, value: number, unit: string, baseline: number | null = null): Figure {
  const ratio = baseline === null ? null : rounded(value / baseline);
  return { name, value: rounded(value), unit, baseline: baseline === null ? null : rounded(baseline), ratio };
}
