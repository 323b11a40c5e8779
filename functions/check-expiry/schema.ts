import * as z from 'zod';
import { parseRequestBody } from '../../shared/runtime/request-body.ts';

/** What a call may ask for; a timer asks for nothing. */
const CheckRequest = z.strictObject({
  /** Only say what is found: nothing is remembered, and nobody told. */
  dryRun: z.boolean().default(false),
});

export type CheckRequest = z.infer<typeof CheckRequest>;

/** @throws HttpError 400 with the path of the fault. */
export const parseCheckRequest = (body: Buffer): CheckRequest => parseRequestBody(CheckRequest, body);
