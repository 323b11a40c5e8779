import * as z from 'zod';
import { SecretValue } from './secret-value.ts';
import { SERVICE_URL_RULE, isServiceUrl } from './service-url.ts';

/** A secret has no blank and no line end: one that was pasted along would never match, silently. */
export const secret = (shortest: number) =>
  z
    .string()
    .min(shortest, `must have at least ${shortest} characters`)
    .regex(/^\S+$/, 'must have no blanks or line ends')
    .transform((value) => new SecretValue(value));

export const serviceUrl = z.string().refine(isServiceUrl, `must be ${SERVICE_URL_RULE}`);

/** Texts with commas between them, each of that form. */
export const listOf = (item: RegExp, rule: string) =>
  z
    .string()
    .refine((text) => itemsOf(text).every((one) => item.test(one)), `must be ${rule}, with commas between them`)
    .transform(itemsOf);

const itemsOf = (text: string): string[] => text.split(',').map((one) => one.trim());
