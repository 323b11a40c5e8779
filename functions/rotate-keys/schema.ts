import * as z from 'zod';
import { parseRequestBody } from '../../shared/runtime/request-body.ts';

const Text = z.string().max(500);
const Time = z.union([z.literal(''), z.iso.datetime()]);

/** A leak of a key that no entry manages, as `respond-to-compromise` tells it. */
const UnmanagedIncident = z.strictObject({
  incident: z.string().regex(/^incident-[0-9a-f]{16}$/),
  name: Text,
  kind: Text,
  keyId: Text,
  owner: Text,
  reports: z.array(z.strictObject({ by: Text, delivery: Text, at: Text })).max(5),
  reportedAt: Time,
  containedAt: Time,
  replacedBy: z.literal(''),
  replacedAt: z.literal(''),
  deletedAt: Time,
});

/** What a call may ask for; a timer asks for nothing. */
export const RotateRequest = z.strictObject({
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
  /** Names of the keys to work on. Needs the bearer token. */
  only: z.array(z.string().min(1)).min(1).max(1_000).optional(),
  /** Leaks to be remembered. Needs the bearer token. */
  incidents: z.array(UnmanagedIncident).max(100).default([]),
  /** Rotate now, due or not. Needs the bearer token. */
  force: z.boolean().default(false),
});

export type RotateRequest = z.infer<typeof RotateRequest>;

/** @throws HttpError 400 with the path of the fault. */
export const parseRotateRequest = (body: Buffer): RotateRequest => parseRequestBody(RotateRequest, body);
