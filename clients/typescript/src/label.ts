/** What people read for a value. */
export interface Label {
  readonly en: string;
  readonly zh: string;
}

export type Labels<Value extends string> = Readonly<Record<Value, Label>>;

/** The label of a value, or the value itself where a newer gateway has one that this package does not know. */
export function labelOf(labels: Readonly<Record<string, Label>>, value: string, language: keyof Label = "zh"): string {
  return labels[value]?.[language] ?? value;
}
