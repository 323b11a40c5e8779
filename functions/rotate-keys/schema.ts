import * as z from 'zod';
import { HttpError } from '../../shared/runtime/code-engine.ts';

/** What a call may ask for; a timer asks for nothing. */
export const RotateRequest = z.strictObject({
  /** Only say what would be done. */
  dryRun: z.boolean().default(false),
  /** Names of the keys to work on. Needs the bearer token. */
  only: z.array(z.string().min(1)).min(1).max(1_000).optional(),
  /** Rotate now, due or not. Needs the bearer token. */
  force: z.boolean().default(false),
});

export type RotateRequest = z.infer<typeof RotateRequest>;

/** @throws HttpError 400 with the path of the fault. */
export function parseRotateRequest(body: Buffer): RotateRequest {
  const parsed = RotateRequest.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`);
  throw new HttpError(400, 'invalid_request', faults.join('; '));
}

function parseJson(body: Buffer): unknown {
  const text = body.toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HttpError(400, 'invalid_request', '(body): is not JSON');
  }
}
