import * as z from 'zod';

/** The rows of a page that can be read, and how many cannot: those are said to be there, and never guessed at. */
export interface Readable<T> {
  rows: T[];
  oddCount: number;
}

/** Takes what can be read of a page. Whatever a row has beside what `row` names is not kept. */
export const readable = <T>(row: z.ZodType<T>) =>
  z.array(z.unknown()).transform((given): Readable<T> => {
    const rows = given.flatMap((one) => {
      const parsed = row.safeParse(one);
      return parsed.success ? [parsed.data] : [];
    });
    return { rows, oddCount: given.length - rows.length };
  });
