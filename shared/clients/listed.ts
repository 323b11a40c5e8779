import * as z from 'zod';

/**
 * The rows of a list that can be read: one odd row of somebody else must not hide all others. A row of our own, by its
 * name, that cannot be read is an answer that is not understood.
 */
export const listed = <T>(row: z.ZodType<T>) =>
  z.array(z.unknown()).transform((rows, context): T[] =>
    rows.flatMap((one) => {
      const parsed = row.safeParse(one);
      if (parsed.success) return [parsed.data];
      const { name } = (one ?? {}) as { name?: unknown };
      if (String(name).startsWith('keyrota-'))
        context.addIssue({ code: 'custom', path: [String(name)], message: 'is not understood' });
      return [];
    }),
  );
